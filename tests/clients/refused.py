"""Log in with ftplib, which resumes no TLS session, and tell how a listing is answered."""

import ftplib
import sys


def main():
    host, port, user, password = sys.argv[1:]
    ftp = ftplib.FTP_TLS(timeout=280)
    ftp.connect(host, int(port))
    ftp.login(user, password)
    ftp.prot_p()
    try:
        # The server may break the data connection off before it says why.
        data = ftp.transfercmd("LIST")
        data.recv(1)
    except OSError:
        pass
    try:
        print(ftp.voidresp())
    except ftplib.Error as error:
        print(error)


main()
