"""Who is answered: keys, their scopes and ends, tokens of an issuer, limits. No key, no answer."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from landfall.errors import PublishingError
from landfall.serving import keys
from landfall.serving.limits import Buckets

pytestmark = pytest.mark.stack
AUDIENCE = "landfall"


def test_without_a_key_there_is_no_answer_but_whether_the_service_is_well(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    served = serve(key="")
    paths = [route.path for route in served.http.app.routes.routes]
    told = {path: served.http.get(path).status_code for path in paths if not path.endswith(":batch")}
    told |= {path: served.http.post(path).status_code for path in paths if path.endswith(":batch")}
    assert {path for path, status in told.items() if status != 401} == {"/healthz", "/readyz"}
    assert served.get("/readyz").json() == {"status": "ready", "lacks": []}
    assert served.get("/nowhere").status_code == 401


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer lf_wrong", "Basic !", "Digest x", "Bearer a.b.c", "Bearer \xe9"]
)
def test_a_wrong_key_is_no_key(serve, shown):
    served = serve(key="")
    answer = served.http.get("/v1/tables", headers={"Authorization": shown.encode("latin-1")})
    assert (answer.status_code, answer.headers["www-authenticate"].split(",")[0]) == (401, 'Bearer realm="landfall"')


def test_a_key_may_be_shown_in_three_ways(conn, serve):
    served, key = serve(key=""), keys.create(conn, "three", ["*"])
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}, {"Authorization": f"Basic {basic}"}):
        assert served.http.get("/v1/tables", headers=headers).status_code == 200
    assert served.http.get("/docs").headers["www-authenticate"].startswith("Basic")


def test_a_key_reads_the_tables_of_its_scope_alone(conn, serve):
    key = keys.create(conn, "errors", ["bike_demand/errors"])
    served = serve(key=key)
    assert [one["name"] for one in served.get("/v1/tables").json()["tables"]] == ["bike_demand/errors"]
    refused = served.get("/v1/bike_demand", city="a", state="b", time=1)
    assert (refused.status_code, refused.json()["detail"], refused.json()["looked"]) == (
        403,
        "This key may not read `bike_demand`.",
        "it may read: bike_demand/errors",
    )
    assert served.get("/v1/bike_demand/errors", city="a", state="b", time=1).status_code == 404
    assert served.http.post("/v1/bike_demand:batch", json={"keys": [{}]}).status_code == 403
    assert served.get("/v1/models/bike_hourly").status_code == 403


def test_a_revoked_and_an_expired_key_end(conn, serve):
    lasting = keys.create(conn, "lasting", ["*"])
    short = keys.create(conn, "short", ["*"], expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    served = serve(key=lasting)
    assert served.get("/v1/tables").status_code == 200
    assert served.http.get("/v1/tables", headers={"Authorization": f"Bearer {short}"}).status_code == 200
    keys.revoke(conn, "lasting")
    ended = threading.Event()
    for _ in range(100):
        if served.get("/v1/tables").status_code == 401:
            ended.set()
            break
        ended.wait(0.1)
    assert ended.is_set()
    assert served.http.get("/v1/tables", headers={"Authorization": f"Bearer {short}"}).status_code == 401


def test_only_a_hash_is_stored_and_a_name_is_taken_once(conn):
    key = keys.create(conn, "app", ["bike_demand"], per_second=5)
    stored = conn.execute("SELECT to_jsonb(k)::text FROM landfall.api_keys k").fetchone()[0]
    assert key not in stored
    assert keys.digest(key) in stored
    with pytest.raises(PublishingError, match="There is a key `app` already"):
        keys.create(conn, "app", ["*"])
    keys.revoke(conn, "app")
    keys.create(conn, "app", ["*"])
    assert [(one.name, one.revoked_at is None) for one in keys.listed(conn)] == [("app", False), ("app", True)]
    with pytest.raises(PublishingError) as caught:
        keys.revoke(conn, "apq")
    assert caught.value.what == "There is no live key `apq`. Did you mean `app`?"
    with pytest.raises(PublishingError, match="A key cannot be called 'Big One'"):
        keys.create(conn, "Big One", ["*"])


def test_when_a_key_was_last_used_is_noted(conn, serve):
    key = keys.create(conn, "used", ["*"])
    served = serve(key=key)
    served.get("/v1/tables")
    served.http.__exit__(None, None, None)  # a service that ends notes it at once
    served.http.__enter__()
    assert keys.listed(conn)[0].last_used_at is not None


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(conn, serve):
    served = serve(key=keys.create(conn, "slow", ["*"], per_second=0.5))
    answers = [served.get("/v1/tables") for _ in range(4)]
    assert [answer.status_code for answer in answers].count(429) >= 2
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_batch_costs_more_than_a_row(conn, steps, serve):
    served = serve(key=keys.create(conn, "batches", ["*"], per_second=2))
    big = served.http.post("/v1/bike_demand:batch", json={"keys": [steps.key] * 1000})
    assert big.status_code in (404, 429)
    assert served.get("/v1/tables").status_code == 429 or big.status_code == 429


def test_a_bucket_fills_again():
    buckets = Buckets()
    assert [buckets.take("a", 1.0, now=0.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert buckets.take("b", 1.0, now=0.0) == 0.0
    assert buckets.take("a", 1.0, now=1.0) == 0.0
    assert buckets.take("a", 1.0, 5.0, now=100.0) == 0.0  # a full bucket holds what a single request needs


def test_public_means_everybody_and_a_wrong_key_is_refused_all_the_same(serve):
    served = serve(key="", public=True)
    assert served.get("/v1/tables").status_code == 200
    assert served.http.get("/v1/tables", headers={"Authorization": "Bearer lf_x"}).status_code == 401


def test_the_role_of_the_service_changes_nothing_but_when_a_key_was_used(conn, steps, serving_url):
    done = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    staged = conn.execute("SELECT child_table FROM landfall.publications WHERE id = %s", [done.id]).fetchone()[0]
    with psycopg.connect(serving_url, autocommit=True, options="-c default_transaction_read_only=off") as role:
        assert role.execute(f"SELECT count(*) FROM {staged}").fetchone() == (24,)
        for statement in (
            "DELETE FROM predictions.bike_demand", "UPDATE landfall.publications SET rows = 0", "DELETE FROM landfall.api_keys",
            "UPDATE landfall.api_keys SET tables = '{*}'", "INSERT INTO landfall.api_keys DEFAULT VALUES",
            "SELECT * FROM landfall.own_versions", "SELECT * FROM landfall.deployments", "CREATE TABLE predictions.mine (x int)",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement.encode())


def test_what_was_staged_and_not_published_is_closed_to_the_service(conn, steps, serving_url):
    from landfall.publishing import Fingerprint, open_publication

    made_of = Fingerprint(objects={}, code_version="c", model_version="1", contract="1")
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    staged = open_publication(
        conn, steps.predictions, steps.christmas, run_id="r2", model_version="1", fingerprint=made_of
    )
    with (
        psycopg.connect(serving_url, autocommit=True) as role,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        role.execute(f"SELECT * FROM {staged.staging}".encode())


# --- tokens of an issuer ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer(signer: rsa.RSAPrivateKey) -> Iterator[str]:
    """A server that publishes the key of the issuer, as OpenID Connect discovery wants it."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signer.public_key()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = f"http://{self.headers['Host']}"
            told = {"jwks_uri": f"{at}/jwks"} if "well-known" in self.path else {"keys": [{**public, "kid": "one"}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *words: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def token(signer: Any, issuer: str, algorithm: str = "RS256", **claims: Any) -> dict[str, str]:
    end = datetime.now(UTC) + timedelta(minutes=5)
    usual = {"iss": issuer, "aud": AUDIENCE, "sub": "app", "exp": end, "scope": "openid landfall:bike_demand"}
    made = jwt.encode({**usual, **claims}, signer, algorithm=algorithm, headers={"kid": "one"})
    return {"Authorization": f"Bearer {made}"}


def test_a_token_of_the_issuer_reads_the_tables_of_its_scope(serve, signer, issuer):
    served = serve(key="", issuer=issuer, audience=AUDIENCE)
    answer = served.http.get("/v1/tables", headers=token(signer, issuer))
    assert [one["name"] for one in answer.json()["tables"]] == ["bike_demand"]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "another"}, 401),
        ({"iss": "https://another"}, 401),
        ({"exp": datetime(2020, 1, 1, tzinfo=UTC)}, 401),
        ({"scope": "openid"}, 403),
    ],
)
def test_another_token_is_refused(serve, signer, issuer, claims, status):
    served = serve(key="", issuer=issuer, audience=AUDIENCE)
    assert served.http.get("/v1/tables", headers=token(signer, issuer, **claims)).status_code == status


def test_a_token_that_somebody_else_signed_is_refused(serve, issuer):
    served = serve(key="", issuer=issuer, audience=AUDIENCE)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert served.http.get("/v1/tables", headers=token(other, issuer)).status_code == 401
    shared = token("a secret of enough bytes to be taken", issuer, "HS256")
    assert served.http.get("/v1/tables", headers=shared).status_code == 401
