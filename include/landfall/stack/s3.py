"""S3Proxy over a folder: a real S3 server that checks signatures."""

from collections.abc import Mapping
from pathlib import Path

from landfall.stack import jars
from landfall.stack.answers import http_get
from landfall.stack.envfile import write_whole
from landfall.stack.java import Java
from landfall.stack.part import Announce, Part

PROPERTIES, MODELS_PROPERTIES = "s3proxy.properties", "s3proxy-models.properties"
MODELS = "mlflow"
"""The models' folder in the bucket; see `LANDFALL_MLFLOW_ARTIFACTS`."""
LOGGING = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


class S3Server(Part):
    """A server with two buckets: one to land data in, and one that only the warming of Spark writes to.

    A second identity, for MLflow's server, can read the models and do nothing else, not even write. It sees another base
    folder, in which the bucket contains only a link to the models' folder.
    """

    name = "s3"
    gives_up_after = 60.0
    WARM_BUCKET = "landfall-warm"

    def __init__(
        self,
        *,
        log: Path,
        env: Mapping[str, str],
        data: Path,
        port: int,
        bucket: str,
        access_key: str,
        secret_key: str,
        models_access_key: str,
        models_secret_key: str,
        cache: Path,
        java: Java,
    ) -> None:
        super().__init__(log=log, env=env)
        self.data, self.port, self.bucket, self.cache, self.java = data, port, bucket, cache, java
        self.access_key, self.secret_key = access_key, secret_key
        self.models_access_key, self.models_secret_key = models_access_key, models_secret_key
        self.url = f"http://127.0.0.1:{port}"

    def prepare(self, say: Announce) -> None:
        if not jars.S3.folder(self.cache).exists():
            say("fetching jars (once, 19 MB)")
        self.jars = jars.fetch(jars.S3, self.cache, self.java)
        for bucket in (self.bucket, self.WARM_BUCKET):
            folder = self.data / "buckets" / bucket
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)  # if others may read its folder, S3Proxy lists a bucket to anybody
        self._link_models()
        self._write(PROPERTIES, self.access_key, self.secret_key, self.data / "buckets")
        models = self.models_access_key, self.models_secret_key, self.data / MODELS
        self._write(MODELS_PROPERTIES, *models, {"s3proxy.read-only-blobstore": "true"})
        write_whole(self.data / "logback.xml", LOGGING)

    def _link_models(self) -> None:
        """Makes the bucket that MLflow's server sees. Until the first model exists the link leads nowhere, and it is empty."""
        models, link = self.data / "buckets" / self.bucket / MODELS, self.data / MODELS / self.bucket / MODELS
        link.parent.mkdir(parents=True, exist_ok=True)
        if not (link.is_symlink() and link.readlink() == models):
            link.unlink(missing_ok=True)
            link.symlink_to(models)

    def _write(
        self, file: str, identity: str, credential: str, base: Path, more: Mapping[str, str] | None = None
    ) -> None:
        properties = {
            "s3proxy.endpoint": self.url,
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.identity": identity,
            "s3proxy.credential": credential,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.filesystem.basedir": str(base),
            **(more or {}),
        }
        write_whole(self.data / file, "".join(f"{name}={value}\n" for name, value in properties.items()))

    def command(self) -> list[str]:
        return [
            self.java.executable,
            "-Xmx256m",  # 128 MB fails on an object of 64 MB
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlogback.configurationFile={self.data / 'logback.xml'}",
            "-cp",
            f"{self.jars}/*",
            "org.gaul.s3proxy.Main",
            *(word for file in (PROPERTIES, MODELS_PROPERTIES) for word in ("--properties", str(self.data / file))),
        ]

    def check(self, started: float) -> str | None:
        status, body = http_get(self.port, "/")
        if status == 403:  # a request without a signature is refused: the server is up and guards its data
            return None
        return f"GET {self.url}/ without a signature, expected 403: {status or ''} {body[:200]}"
