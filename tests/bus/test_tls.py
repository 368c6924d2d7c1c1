"""The way to the provider, over TLS: whoever cannot prove to be the provider,
or speaks a version that is no longer safe, is told nothing."""
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from notifiers import poke
from poll import wait_for

SERVICES = ()


class Impostor:
    """Answers at the provider's address, with a certificate of its own making;
    keeps how each handshake ended, and whatever it was told after one."""

    def __init__(self, folder, **versions):
        key, certificate = folder / "key", folder / "certificate"
        subprocess.run(
            [shutil.which("openssl"), "req", "-x509", "-newkey", "rsa:2048",
             "-nodes", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-days", "2", "-keyout", key,
             "-out", certificate], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        for name, version in versions.items():
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            setattr(self.context, name, version)
        self.ends, self.told = [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.settimeout(5)
            try:
                with self.context.wrap_socket(peer, server_side=True) as tls:
                    self.told += tls.recv(65536)
                    self.ends.append("let in")
            except OSError as error:
                self.ends.append(str(error))

    def close(self):
        self.listener.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("versions, end", [
    ({}, "unknown ca"),
    ({"minimum_version": ssl.TLSVersion.TLSv1,
      "maximum_version": ssl.TLSVersion.TLSv1_1}, "unsupported protocol")],
    ids=["self-signed", "TLS 1.1"])
def test_an_impostor_is_told_nothing(start, outbox, tmp_path, versions, end):
    impostor = Impostor(tmp_path, **versions)
    notifier = start(MESSAGEBIRD_API_URL=impostor.url)
    outbox.talk(3).send("for the provider alone")
    poke(notifier, 3)
    wait_for(lambda: impostor.ends, what="a handshake")
    impostor.close()
    assert not impostor.told
    assert all(end in word.lower() for word in impostor.ends), impostor.ends
    # Nothing was sent, and nothing is in doubt.
    wait_for(lambda: "parked" in outbox.left(3), what="the text, kept")
