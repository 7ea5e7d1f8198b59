"""Talks to a Posthouse from inside other programs: Python 3.7 and later, nothing but its own library.

Where the house is and who is asking comes from POSTHOUSE_URL and POSTHOUSE_TOKEN, else from the file
~/.config/posthouse/submit.json: {"url": ..., "token": ..., "fingerprint": ...}. A token is made on the page under
"Your API tokens"; it is never written to a log or to a command line. `fingerprint` is the SHA-256 of the house's own
certificate, as `posthouse serve` prints it.
"""
import hashlib
import http.client
import json
import os
import ssl
import time
import urllib.parse
import uuid

SETTINGS = os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "posthouse", "submit.json")


class Problem(Exception):
    """What the house (or the way to it) refused: what, why, and the way out."""

    def __init__(self, what, why="", fix="", status=0):
        Exception.__init__(self, "\n".join(line for line in (what, why and "why: " + why, fix and "fix: " + fix) if line))
        self.what, self.why, self.fix, self.status = what, why, fix, status


def settings():
    found = {}
    try:
        with open(SETTINGS, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        pass
    except ValueError as e:
        raise Problem("the settings can not be read", "%s: %s" % (SETTINGS, e), "mend or remove that file")
    for name in ("url", "token", "fingerprint"):
        found[name] = os.environ.get("POSTHOUSE_" + name.upper()) or found.get(name, "")
    return found


def keep_settings(url, token, fingerprint=""):
    folder = os.path.dirname(SETTINGS)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = SETTINGS + ".part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token, "fingerprint": fingerprint}, file)
    os.replace(part, SETTINGS)


class House:
    def __init__(self, url="", token="", fingerprint=""):
        known = settings() if not (url and token) else {}
        self.url = (url or known.get("url", "")).rstrip("/")
        self.token = token or known.get("token", "")
        self.fingerprint = (fingerprint or known.get("fingerprint", "")).replace(":", "").lower()
        if not self.url or not self.token:
            raise Problem("there is no house to talk to", "no address or no token is set",
                          "set POSTHOUSE_URL and POSTHOUSE_TOKEN, or fill in the add-on's preferences")

    def _line(self):
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme != "https":
            return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)
        context = ssl.create_default_context()
        if self.fingerprint:  # the house's own certificate: known by its hash, checked below before anything is said
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=30, context=context)
        line.connect()
        if self.fingerprint and hashlib.sha256(line.sock.getpeercert(True)).hexdigest() != self.fingerprint:
            line.close()
            raise Problem("the house is not the one it should be", "its certificate has another fingerprint",
                          "ask your engineer for the new fingerprint")
        return line

    def call(self, method, path, body=None, key=None):
        """The JSON answer. A write is sent again with the same key when the line breaks, so it counts once."""
        headers = {"Authorization": "Bearer " + self.token, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        if method != "GET":
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        for tries in range(4):
            line = None
            try:
                line = self._line()
                line.request(method, "/api/v1" + path, data, headers)
                answer = line.getresponse()
                text = answer.read()
                if answer.status in (502, 503, 504) and tries < 3:
                    time.sleep(2 ** tries)
                    continue
                return self._understood(answer.status, text)
            except (OSError, http.client.HTTPException) as e:
                if tries == 3:
                    raise Problem("the house does not answer", "%s: %s" % (self.url, e), "see that it runs and that this machine reaches it")
                time.sleep(2 ** tries)
            finally:
                if line:
                    line.close()

    @staticmethod
    def _understood(status, text):
        try:
            said = json.loads(text.decode("utf-8")) if text else {}
        except ValueError:
            raise Problem("the answer is not the house's", "status %d" % status, "see that the address is that of a Posthouse", status)
        if status >= 400:
            raise Problem(said.get("title") or "the house refused", said.get("detail") or "", said.get("fix") or "", status)
        return said

    def projects(self):
        return self.call("GET", "/projects")

    def renderer(self, name):
        for known in self.call("GET", "/renderers"):
            if known["name"] == name:
                return known
        raise Problem("the house does not know the renderer %s" % name, "", "update the house, or ask which renderers it has")

    def submit(self, project, name, template, parameters, options=None, path_mapping=None):
        """Durable when it returns: the Job."""
        body = {"name": name, "template": template, "parameters": parameters, "options": options or {}}
        if path_mapping:
            body["path_mapping"] = path_mapping
        return self.call("POST", "/projects/%s/jobs" % urllib.parse.quote(project), body)

    def job(self, job):
        return self.call("GET", "/jobs/" + job)

    def page_of(self, project, job):
        return "%s/p/%s/farm/%s" % (self.url, project, job)


def missing_files(paths):
    """Those of `paths` that are not there. Numbered ones (<UDIM>, ####, %04d) are there when one file fits."""
    import glob
    import re
    gone = []
    for path in sorted(set(p for p in paths if p)):
        pattern = re.sub(r"<UDIM>|<udim>|<UVTILE>|<uvtile>|%0\dd|%d|\$F\d?|#+", "\0", path)
        if "\0" in pattern:
            if not glob.glob(glob.escape(pattern).replace("\0", "[0-9u]*")):
                gone.append(path)
        elif not os.path.exists(path):
            gone.append(path)
    return gone


def refuse_missing(paths):
    gone = missing_files(paths)
    if gone:
        raise Problem("%d file%s that the scene needs %s not there" % (len(gone), "s"[: len(gone) != 1], "is" if len(gone) == 1 else "are"),
                      ", ".join(gone[:5]) + (", and more" if len(gone) > 5 else ""), "bring them to where the scene looks for them")
