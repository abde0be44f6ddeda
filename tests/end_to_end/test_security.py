"""Where the token goes, and where it never does; and what lies on disk."""

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
SAID = {"headers": {"X-Echo": TOKEN}, "body": f"Bearer {TOKEN} it is"}
NO_EXCEPTIONS = {"NO_PROXY": "", "no_proxy": ""}


@pytest.fixture
def account(account_of):
    return account_of("messages", token=TOKEN)


@pytest.mark.parametrize(
    ("arguments", "faults", "status"),
    [
        ([], [Refusal(500, **SAID), Refusal(200, **SAID)], 0),
        ([], [Refusal(404, **SAID)], 1),
        (["--about", "--format=json"], [], 0),
        (["--discover"], [], 0),
    ],
    ids=["retried", "refused", "--about", "--discover"],
)
def test_the_token_is_in_no_output(serve, run_tap, arguments, faults, status):
    sandbox = serve(days=70, token=TOKEN, faults=faults)
    environment = {"LOGLEVEL": "DEBUG", "TAP_DIXA_LOGLEVEL": "DEBUG"}
    run = run_tap(settings(sandbox), *arguments, environment=environment)
    assert run.status == status
    assert arguments or "| DEBUG " in run.log
    assert TOKEN not in run.log + run.output


def test_what_a_neighbour_sees_of_a_run(serve, start_tap, tmp_path):
    sandbox = serve(days=70, token=TOKEN, faults=[None, BrokenResponse("stall", 5000)])
    command = ["-m", "tap_dixa"]
    tap = start_tap(settings(sandbox), program=command, environment={"TMPDIR": str(tmp_path)})
    process = Path(f"/proc/{tap.pid}")

    def spools():
        """Give the files in the temporary folder, but for the tap's options, and their modes."""
        opened = {}
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # it may be closed by now
                opened[str(file.readlink())] = file.stat().st_mode
        inside = [name for name in opened if name.startswith(str(tmp_path))]
        return {name: opened[name] for name in inside if not name.endswith(".json")}

    wait_until(lambda: not sandbox.behaviour.faults and spools())
    assert TOKEN not in (process / "cmdline").read_text() + (process / "comm").read_text()
    for name, mode in spools().items():
        assert name.endswith("(deleted)")
        assert mode & 0o077 == 0
        assert TOKEN not in name


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_gets_nothing(serve, account, status):
    other = serve(token=TOKEN)
    location = f"{other.url}/v1/conversation_export"
    account.behaviour.faults.append(Refusal(status, {"Location": location}))
    assert "does not follow" in checks.failed(account.sync())
    assert other.answered == []


def test_a_loopback_address_is_never_asked_through_a_proxy(serve, account):
    proxy = serve(token=TOKEN)
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.url)
    checks.succeeded(account.sync(environment={**proxies, **NO_EXCEPTIONS}))
    assert proxy.answered == []


def test_a_password_file_does_not_replace_the_token(account, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    checks.succeeded(account.sync(environment={"NETRC": str(netrc)}))
    assert {status for _, _, status in account.answered} == {200}


CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def certified(account_of, tmp_path):
    """Give a function that makes an account with a certificate for a host.

    `authority.pem` in the test's folder is that of the authority behind it.
    """

    def issue(host):
        authority, certificate = trustme.CA(), tmp_path / "server.pem"
        authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        return account_of("messages", token=TOKEN, certificate=certificate)

    return issue


def trusting(path, *variables):
    """Give an environment in which variables name a file of certificates, and no other does."""
    return {name: str(path) if name in variables else "" for name in CERTIFICATES}


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_a_certificate_is_verified(certified, tmp_path, variable):
    account = certified("127.0.0.1")
    run = account.sync(environment=trusting(tmp_path / "authority.pem", variable))
    wanted = expected.records(account.data, "messages")
    checks.emitted_exactly(checks.succeeded(run), "messages", wanted)


@pytest.mark.parametrize(
    ("host", "variables"), [("127.0.0.1", ()), ("exports.example", CERTIFICATES)]
)
def test_a_certificate_that_is_not_trusted_or_for_another_name_is_refused(
    certified, tmp_path, host, variables
):
    account = certified(host)
    run = account.sync(environment=trusting(tmp_path / "authority.pem", *variables))
    assert "certificate verify failed" in checks.failed(run)
    assert account.answered == []


@pytest.mark.parametrize(
    ("variable", "content"),
    [
        ("REQUESTS_CA_BUNDLE", None),
        ("CURL_CA_BUNDLE", ""),
        ("SSL_CERT_FILE", "no certificate"),
        ("REQUESTS_CA_BUNDLE", "-----BEGIN CERTIFICATE-----\nMIIB"),
    ],
    ids=["missing", "empty", "a text", "half"],
)
def test_certificates_that_cannot_be_read_are_named_at_once(certified, tmp_path, variable, content):
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    run = certified("127.0.0.1").sync(environment=trusting(path, variable))
    assert f"{variable}: {path} is no file of certificates" in checks.failed(run)
    assert "retrying" not in run.log


@pytest.mark.parametrize("scheme", ["https_proxy", "ALL_PROXY"])
def test_a_proxy_that_wants_a_password_is_named_at_once(account, scheme):
    asked, urls = [], dict.fromkeys(("exports_api_url", "dixa_api_url"), "https://dixa.invalid")

    def refuse(host):
        asked.append(host)
        return b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    with raw_server(refuse) as proxy:
        run = account.sync(environment={**NO_EXCEPTIONS, scheme: proxy}, **urls)
    assert "HTTPS_PROXY: the proxy asks for a user and a password (407)" in checks.failed(run)
    assert "retrying" not in run.log
    assert asked == ["dixa.invalid:443"]
