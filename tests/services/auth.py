"""A web service that knows who may log in, in every way in which an authenticator may ask.

It has nothing in common with what asks it: Digest is checked here as RFC 7616 says, with the
parsers of the standard library. It prints its port, and ends with its standard input.

    /basic /digest/ALGORITHM/QOP /bearer /webhook /dms/auth /ftp      who is asked about
    /status/CODE /slow /redirect/CODE?to=URL /loop /portal                  how a service may behave
    /control/refuse?user= /control/accept?user= /control/say?status=  what it does from now on
    /control/asked                                                    what it was asked so far
"""

import base64
import hashlib
import json
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import parse_http_list, parse_keqv_list

PASSWORDS = {"alice": "wharf: of 'salt'", "J\u00e4s\u00f8n Doe": "Secret, or not?", 'q"u\\o': 'sword"fish\\'}
TOKENS = {"wharf-token_1.2==": "alice"}
REALM = 'a "realm"'
OPAQUE = "5ccc069c403ebaf9f0171e9517f40e41"

HASHES = {
    "MD5": hashlib.md5,
    "SHA-256": hashlib.sha256,
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
}


class State:
    """What all requests share."""

    def __init__(self):
        self.lock = threading.Lock()
        self.refused = set()
        self.status = None
        self.asked = []
        # Of each nonce the last count that was used with it.
        self.nonces = {}


STATE = State()


def known(user, password):
    return user not in STATE.refused and PASSWORDS.get(user) == password


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def any_method(self):
        length = int(self.headers.get("content-length", 0))
        self.body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        if parts[0] == "control":
            return self.control(parts[1])
        with STATE.lock:
            STATE.asked.append(self.noted())
            status = STATE.status
        if status:
            return self.answer(status)
        return getattr(self, "ask_" + parts[0])(*parts[1:])

    do_GET = do_POST = do_HEAD = any_method

    def noted(self):
        return {
            "line": f"{self.command} {self.path}",
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.body.decode(),
        }

    def control(self, what):
        with STATE.lock:
            if what == "refuse":
                STATE.refused.add(self.query["user"])
            elif what == "accept":
                STATE.refused.discard(self.query["user"])
            elif what == "say":
                STATE.status = int(self.query["status"])
            self.answer(200, json.dumps(STATE.asked))

    def ask_basic(self, *_):
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return self.answer(401, headers=[("www-authenticate", "Basic realm=x")])
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        if not known(user, password):
            return self.answer(401)
        said = {"user": {"principal": "7", "root": "seven", "permissions": "read-only"}}
        return self.answer(200, json.dumps(said))

    def ask_bearer(self):
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        is_known = scheme == "Bearer" and TOKENS.get(token, "nobody") not in STATE.refused
        return self.answer(200 if is_known and token in TOKENS else 401)

    def ask_webhook(self, hash_name="sha256"):
        user, digest = self.query.get("username"), self.query.get("password_hash")
        password = PASSWORDS.get(user, "")
        right = hashlib.new(hash_name, password.encode()).hexdigest()
        return self.answer(200 if digest == right and known(user, password) else 403)

    def ask_session(self):
        user = self.query.get("username")
        is_alone = list(self.query) == ["username"] and user in PASSWORDS
        return self.answer(200 if is_alone and user not in STATE.refused else 401)

    def ask_dms(self, _auth):
        params = json.loads(self.body)["params"]
        is_known = known(params["username"], params["password"])
        result = "200 OK" if is_known else "Unsuccessful"
        return self.answer(200, json.dumps({"jsonrpc": "2.0", "id": None, "result": result}))

    def ask_ftp(self):
        form = {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        user = form["AUTHD_ACCOUNT"]
        if user not in PASSWORDS:
            return self.answer(200, "auth_ok:0\nend\n")
        if not known(user, form["AUTHD_PASSWORD"]):
            return self.answer(200, "auth_ok:-1\nend\n")
        return self.answer(
            200, f"auth_ok:1\nuid:42\ngid:21\ndir:/srv/ftp/{user}\nratio_upload:1\nend\n"
        )

    def ask_status(self, code):
        return self.answer(int(code))

    def ask_slow(self):
        threading.Event().wait()

    def ask_redirect(self, code):
        return self.answer(int(code), headers=[("location", self.query["to"])])

    def ask_loop(self):
        return self.answer(302, headers=[("location", self.path)])

    def ask_portal(self, page=None):
        """Sends whom it does not know to a page for logging in."""
        if page is None:
            return self.answer(302, headers=[("location", "/portal/login")])
        return self.answer(200, "Please log in.")

    def ask_digest(self, algorithm, qop, uses="9"):
        """RFC 7616 section 3.3 to 3.4; a nonce is good for so many answers."""
        qop = "" if qop == "none" else qop
        given = self.headers.get("authorization", "")
        if not given.startswith("Digest "):
            return self.challenge(algorithm, qop)
        given = parse_keqv_list(parse_http_list(given[len("Digest ") :]))
        verdict = self.verify(given, algorithm, qop, int(uses))
        if verdict == "stale":
            return self.challenge(algorithm, qop, stale=True)
        return self.answer(200) if verdict == "right" else self.challenge(algorithm, qop)

    def challenge(self, algorithm, qop, stale=False):
        """MD5 is that of a service from before RFC 7616, which tells no charset."""
        nonce = secrets.token_urlsafe(16)
        with STATE.lock:
            STATE.nonces[nonce] = 0
        realm = REALM.replace('"', '\\"')
        value = f'Digest realm="{realm}", nonce="{nonce}", opaque="{OPAQUE}"'
        if algorithm.startswith("SHA"):
            value += ", charset=UTF-8"
        if qop:
            value += f', qop="{qop}"'
        if algorithm != "none":
            value += f", algorithm={algorithm.removesuffix('-userhash')}"
        if algorithm.endswith("-userhash"):
            value += ", userhash=true"
        if stale:
            value += ", stale=true"
        return self.answer(401, headers=[("www-authenticate", value)])

    def verify(self, given, algorithm, qop, uses):
        name = "MD5" if algorithm == "none" else algorithm.removesuffix("-userhash")
        function = HASHES[name.removesuffix("-sess")]

        def digest(*parts):
            return function(":".join(parts).encode()).hexdigest()

        if given.get("algorithm", "MD5") != name or given["opaque"] != OPAQUE:
            return "wrong"
        if given["realm"] != REALM or given["uri"] != self.path:
            return "wrong"
        user = next((user for user in PASSWORDS if self.is_user(user, given, algorithm, digest)), None)
        if user is None or user in STATE.refused:
            return "wrong"
        key = digest(user, REALM, PASSWORDS[user])
        if name.endswith("-sess"):
            key = digest(key, given["nonce"], given["cnonce"])
        what = [self.command, given["uri"]]
        if given.get("qop") == "auth-int":
            what.append(function(self.body).hexdigest())
        what = digest(*what)
        if not qop:
            return "right" if given["response"] == digest(key, given["nonce"], what) else "wrong"
        if given["qop"] not in qop.split(","):
            return "wrong"
        between = [given["nonce"], given["nc"], given["cnonce"], given["qop"]]
        if given["response"] != digest(key, *between, what):
            return "wrong"
        with STATE.lock:
            last = STATE.nonces.get(given["nonce"])
            count = int(given["nc"], 16)
            if last is None or last >= uses:
                return "stale"
            STATE.nonces[given["nonce"]] = count
            return "right" if count > last else "wrong"

    def is_user(self, user, given, algorithm, digest):
        if algorithm.endswith("-userhash"):
            return given.get("userhash") == "true" and given["username"] == digest(user, REALM)
        if "username*" in given:
            charset, _, encoded = given["username*"].split("'")
            is_known = algorithm.startswith("SHA") and charset == "UTF-8"
            return is_known and unquote(encoded) == user
        # The bytes of a header come as Latin-1.
        return given["username"].encode("latin-1").decode() == user


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


main()
