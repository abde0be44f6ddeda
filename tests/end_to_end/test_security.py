"""Where the token goes, and where it never does; and what lies on disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from tests import expected
from tests.conftest import settings
from tests.end_to_end import checks
from tests.end_to_end.raw_http import raw_server
from tests.events import wait_until
from tests.faults import BrokenResponse, Refusal

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105


SAID = f"Bearer {TOKEN} it is"
ECHO = {"X-Echo": TOKEN}


@pytest.mark.parametrize(
    ("arguments", "faults", "status"),
    [
        ([], [Refusal(500, ECHO, SAID), Refusal(200, ECHO, SAID)], 0),
        ([], [Refusal(404, ECHO, SAID)], 1),
        ([], [Refusal(499, ECHO, SAID)], 1),
        (["--about", "--format=json"], [], 0),
        (["--discover"], [], 0),
    ],
    ids=["retried", "not found", "refused", "--about", "--discover"],
)
def test_the_token_is_in_no_output(serve, run_tap, arguments, faults, status, evidence):
    sandbox = serve(days=70, token=TOKEN)
    sandbox.behaviour.faults.extend(faults)
    environment = {"LOGLEVEL": "DEBUG", "TAP_DIXA_LOGLEVEL": "DEBUG"}
    run = run_tap(settings(sandbox), *arguments, environment=environment)
    assert run.status == status
    assert arguments or "| DEBUG " in run.log
    assert TOKEN not in run.log + run.output
    evidence("outputs searched for the token")


def test_what_a_neighbour_sees_of_a_run(serve, start_tap, tmp_path):
    sandbox = serve(days=70, token=TOKEN)
    sandbox.behaviour.faults.extend([None, BrokenResponse("stall", 5000)])
    command = ["-m", "tap_dixa"]
    tap = start_tap(settings(sandbox), program=command, environment={"TMPDIR": str(tmp_path)})
    process = Path(f"/proc/{tap.pid}")

    def spools():
        """Give the names of the files in the temporary folder, but for the tap's options."""
        opened = []
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # it may be closed by now
                opened.append(str(file.readlink()))
        inside = [name for name in opened if name.startswith(str(tmp_path))]
        return [name for name in inside if not name.endswith(".json")]

    wait_until(lambda: not sandbox.behaviour.faults and spools())
    assert TOKEN not in (process / "cmdline").read_text() + (process / "comm").read_text()
    for name in spools():
        assert name.endswith("(deleted)")
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


CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def certified(tmp_path):
    """Give a function that makes a certificate for a host, and one of the authority behind it."""

    def issue(host):
        authority = trustme.CA()
        certificate, bundle = tmp_path / "server.pem", tmp_path / "authority.pem"
        authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(bundle)
        return certificate, bundle

    return issue


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_a_certificate_is_verified(serve, run_tap, certified, variable):
    certificate, bundle = certified("127.0.0.1")
    sandbox = serve(token=TOKEN, certificate=certificate)
    environment = dict.fromkeys(CERTIFICATES, "") | {variable: str(bundle)}
    run = checks.succeeded(run_tap(settings(sandbox), environment=environment))
    checks.emitted_exactly(run, "messages", expected.records(sandbox.data, "messages"))


@pytest.mark.parametrize(("host", "trusted"), [("127.0.0.1", False), ("exports.example", True)])
def test_a_certificate_that_is_not_trusted_or_for_another_name_is_refused(
    serve, run_tap, certified, host, trusted
):
    certificate, bundle = certified(host)
    sandbox = serve(token=TOKEN, certificate=certificate)
    environment = dict.fromkeys(CERTIFICATES, str(bundle) if trusted else "")
    run = run_tap(settings(sandbox), environment=environment)
    assert "certificate verify failed" in checks.failed(run)
    assert sandbox.answered == []


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("REQUESTS_CA_BUNDLE", "missing.pem"),
        ("CURL_CA_BUNDLE", "empty.pem"),
        ("SSL_CERT_FILE", "text.pem"),
        ("REQUESTS_CA_BUNDLE", "half.pem"),
        ("CURL_CA_BUNDLE", "~/authority.pem"),
    ],
)
def test_certificates_that_cannot_be_read_are_named_at_once(
    serve, run_tap, certified, tmp_path, variable, name
):
    certificate, bundle = certified("127.0.0.1")
    (tmp_path / "empty.pem").touch()
    (tmp_path / "text.pem").write_text("no certificate")
    whole = bundle.read_bytes()
    (tmp_path / "half.pem").write_bytes(whole[: len(whole) // 2])
    path = name if name.startswith("~") else str(tmp_path / name)
    sandbox = serve(token=TOKEN, certificate=certificate)
    environment = dict.fromkeys(CERTIFICATES, "") | {variable: path}
    run = run_tap(settings(sandbox), environment=environment)
    assert f"{variable}: {path} is no file of certificates" in checks.failed(run)
    assert "retrying" not in run.log


@pytest.mark.parametrize("scheme", ["https_proxy", "ALL_PROXY"])
def test_a_proxy_that_wants_a_password_is_named_at_once(run_tap, serve, scheme):
    asked = []

    def refuse(host):
        asked.append(host)
        return (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )

    urls = dict.fromkeys(("exports_api_url", "dixa_api_url"), "https://dixa.invalid")
    with raw_server(refuse) as proxy:
        environment = {"NO_PROXY": "", "no_proxy": "", scheme: proxy}
        run = run_tap(settings(serve(token=TOKEN), **urls), environment=environment)
    assert "HTTPS_PROXY: the proxy asks for a user and a password (407)" in checks.failed(run)
    assert "retrying" not in run.log
    assert asked == ["dixa.invalid:443"]
