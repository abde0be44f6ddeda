"""Where the token goes, and where it never does; and what lies on disk."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
import trustme

from tap_dixa_sandbox.faults import BrokenResponse, Refusal
from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.events import wait_until

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105


@pytest.mark.parametrize("level", ["DEBUG", pytest.param("INFO", marks=pytest.mark.slow)])
@both_paths_slowly
def test_the_token_is_in_no_output(serve, run_tap, level, options, evidence):
    sandbox = serve(days=70, token=TOKEN)
    said = f"<html>You sent Bearer {TOKEN}"
    sandbox.behaviour.faults.extend([Refusal(500, body=said), Refusal(200, body=said)])
    environment = {"LOGLEVEL": level, "TAP_DIXA_LOGLEVEL": level}
    run = run_tap(settings(sandbox, **options), environment=environment)
    assert run.status == 0
    assert ("| DEBUG " in run.log) == (level == "DEBUG")
    assert TOKEN not in run.log + run.output
    evidence("outputs searched for the token")


@pytest.mark.parametrize("arguments", [["--about", "--format=json"], ["--discover"]])
def test_the_token_is_in_no_description(serve, run_tap, arguments, evidence):
    sandbox = serve(token=TOKEN)
    run = run_tap(settings(sandbox), *arguments, environment={"LOGLEVEL": "DEBUG"})
    assert run.status == 0
    assert TOKEN not in run.log + run.output
    evidence("outputs searched for the token")


@pytest.mark.parametrize("status", [404, 499])
def test_the_token_is_in_no_error(serve, run_tap, status, evidence):
    sandbox = serve(token=TOKEN)
    sandbox.behaviour.faults.append(Refusal(status, {"X-Echo": TOKEN}, f"Bearer {TOKEN} it is"))
    run = run_tap(settings(sandbox), environment={"LOGLEVEL": "DEBUG"})
    assert run.status == 1
    assert "| DEBUG " in run.log
    assert TOKEN not in run.log + run.output
    evidence("outputs searched for the token")


def test_what_a_neighbour_sees_of_a_run(serve, start_tap, tmp_path):
    sandbox = serve(days=70, token=TOKEN)
    sandbox.behaviour.faults.extend([None, BrokenResponse("stall", 5000)])
    command = ["-m", "tap_dixa"]
    tap = start_tap(settings(sandbox), program=command, environment={"TMPDIR": str(tmp_path)})
    process = Path(f"/proc/{tap.pid}")

    def spools():
        """Give the descriptors of the files in the temporary folder, but for the tap's options."""
        opened = []
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # it may be closed by now
                opened.append((file, str(file.readlink())))
        inside = [(file, name) for file, name in opened if name.startswith(str(tmp_path))]
        return [(file, name) for file, name in inside if not name.endswith(".json")]

    wait_until(lambda: not sandbox.behaviour.faults and spools())
    assert TOKEN not in (process / "cmdline").read_text() + (process / "comm").read_text()
    # Temporary files have no name, and their descriptors are the user's alone.
    named = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"]
    assert named == []
    for spool, name in spools():
        assert name.endswith("(deleted)")
        assert spool.stat().st_mode & 0o077 == 0
        assert TOKEN not in name


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_gets_nothing(serve, run_tap, status, evidence):
    sandbox, other = serve(token=TOKEN), serve(token=TOKEN)
    location = f"{other.url}/v1/conversation_export"
    sandbox.behaviour.faults.append(Refusal(status, {"Location": location}))
    run = run_tap(settings(sandbox))
    assert "does not follow" in checks.failed(run)
    assert other.answered == []
    evidence("redirects refused")


@pytest.mark.parametrize("location", ["http://[::1", "http://", "//[", "ftp://x", "\xe9"])
def test_an_address_of_a_redirect_is_not_even_read(serve, run_tap, location):
    sandbox = serve()
    sandbox.behaviour.faults.append(Refusal(302, {"Location": location}))
    run = run_tap(settings(sandbox), catalog=catalog("conversations", "tags"))
    assert "does not follow" in checks.failed(run)
    assert len(sandbox.answered) == 2
    assert run.records("tags")


def test_a_loopback_address_is_never_asked_through_a_proxy(serve, run_tap):
    sandbox, proxy = serve(token=TOKEN), serve(token=TOKEN)
    environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.url)
    run = run_tap(settings(sandbox), environment={**environment, "NO_PROXY": "", "no_proxy": ""})
    checks.succeeded(run)
    assert proxy.answered == []


def test_a_password_file_does_not_replace_the_token(serve, run_tap, tmp_path):
    sandbox = serve(token=TOKEN)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    checks.succeeded(run_tap(settings(sandbox), environment={"NETRC": str(netrc)}))
    assert {status for _, _, status in sandbox.answered} == {200}


@pytest.fixture
def certified(tmp_path):
    """Give a certificate for this machine, and the authority behind it."""
    authority = trustme.CA()
    certificate, bundle = tmp_path / "server.pem", tmp_path / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(bundle)
    return certificate, bundle


CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.mark.parametrize("trusted", [*CERTIFICATES, None])
def test_a_certificate_is_verified(serve, run_tap, certified, trusted):
    certificate, bundle = certified
    sandbox = serve(token=TOKEN, certificate=certificate)
    environment = dict.fromkeys(CERTIFICATES, "") | ({trusted: str(bundle)} if trusted else {})
    run = run_tap(settings(sandbox), environment=environment)
    if trusted:
        checks.succeeded(run)
        checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))
    else:
        assert "certificate verify failed" in checks.failed(run)
        assert sandbox.answered == []


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_certificates_that_cannot_be_read_are_named_at_once(
    serve, run_tap, certified, tmp_path, variable
):
    certificate, bundle = certified
    (tmp_path / "empty.pem").touch()
    (tmp_path / "text.pem").write_text("no certificate")
    half = bundle.read_bytes()
    (tmp_path / "half.pem").write_bytes(half[: len(half) // 2])
    for name in ("missing.pem", "empty.pem", "text.pem", "half.pem", "~/authority.pem"):
        sandbox = serve(token=TOKEN, certificate=certificate)
        path = name if name.startswith("~") else str(tmp_path / name)
        environment = dict.fromkeys(CERTIFICATES, "") | {variable: path}
        run = run_tap(settings(sandbox), environment=environment)
        assert f"{variable}: {path} is no file of certificates" in checks.failed(run)
        assert "retrying" not in run.log


@pytest.mark.parametrize("scheme", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_that_wants_a_password_is_named_at_once(run_tap, serve, scheme):
    sandbox = serve(token=TOKEN)
    with refusing_proxy(b"407 Proxy Authentication Required") as (proxy, asked):
        urls = dict.fromkeys(("exports_api_url", "dixa_api_url"), "https://dixa.invalid")
        environment = {"NO_PROXY": "", "no_proxy": "", scheme: proxy}
        run = run_tap({**settings(sandbox), **urls}, environment=environment)
    assert "HTTPS_PROXY: the proxy asks for a user and a password (407)" in checks.failed(run)
    assert "retrying" not in run.log
    assert len(asked) == 1


@contextmanager
def refusing_proxy(status):
    """Start a proxy that refuses to connect to any host; give its URL, and what it was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse():
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        asked.append(connection.recv(65536))
                        connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)

        Thread(target=refuse, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked


def test_a_certificate_for_another_name_is_refused(serve, run_tap, tmp_path):
    authority = trustme.CA()
    certificate, bundle = tmp_path / "server.pem", tmp_path / "authority.pem"
    authority.issue_cert("exports.example").private_key_and_cert_chain_pem.write_to_path(
        certificate
    )
    authority.cert_pem.write_to_path(bundle)
    sandbox = serve(token=TOKEN, certificate=certificate)
    run = run_tap(settings(sandbox), environment={"REQUESTS_CA_BUNDLE": str(bundle)})
    checks.failed(run)
    assert sandbox.answered == []
