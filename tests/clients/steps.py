"""Do the steps that stand as JSON on standard input with ftplib, in one session."""

import ftplib
import json
import os
import ssl
import sys


class ImplicitTls(ftplib.FTP_TLS):
    """FTP_TLS for a server that expects TLS before its greeting."""

    def connect(self, *arguments, **named):
        self._secured = None
        return super().connect(*arguments, **named)

    @property
    def sock(self):
        return self._secured

    @sock.setter
    def sock(self, sock):
        clear = sock is not None and not isinstance(sock, ssl.SSLSocket)
        self._secured = self.context.wrap_socket(sock) if clear else sock


def connect(order):
    """A session that is logged in, its data connections secured where it is."""
    kind = {
        "plain": ftplib.FTP,
        "explicit": ftplib.FTP_TLS,
        "implicit": ImplicitTls,
    }[order["security"]]
    ftp = kind(timeout=order["timeout"], encoding="utf-8")
    ftp.connect(order["host"], order["port"])
    ftp.login(order["user"], order["password"])
    if order["security"] != "plain":
        ftp.prot_p()
    return ftp


class Steps:
    """What can be ordered, by name."""

    def __init__(self, ftp):
        self.ftp = ftp

    def list(self, directory):
        before = self.ftp.pwd()
        self.ftp.cwd(directory)
        self.ftp.retrlines("LIST", print)
        for name, facts in self.ftp.mlsd():
            print(name, facts["type"])
        self.ftp.cwd(before)

    def make_directory(self, path):
        self.ftp.mkd(path)

    def upload(self, local, remote):
        with open(local, "rb") as file:
            self.ftp.storbinary(f"STOR {remote}", file)

    def resume_upload(self, local, remote):
        self.ftp.voidcmd("TYPE I")
        with open(local, "rb") as file:
            offset = file.seek(self.ftp.size(remote))
            self.ftp.storbinary(f"STOR {remote}", file, rest=offset)

    def download(self, remote, local):
        with open(local, "wb") as file:
            self.ftp.retrbinary(f"RETR {remote}", file.write)

    def resume_download(self, remote, local):
        with open(local, "ab") as file:
            offset = os.path.getsize(local)
            self.ftp.retrbinary(f"RETR {remote}", file.write, rest=offset)

    def rename(self, source, target):
        self.ftp.rename(source, target)

    def delete(self, path):
        self.ftp.delete(path)

    def remove_directory(self, path):
        self.ftp.rmd(path)


def main():
    order = json.load(sys.stdin)
    sys.stdout.reconfigure(encoding="utf-8")
    ftp = connect(order)
    steps = Steps(ftp)
    for name, *arguments in order["steps"]:
        getattr(steps, name)(*arguments)
    ftp.quit()


main()
