"""The servers' jars, fetched once into the cache by the Ivy that comes with Spark.

Ivy's own default settings say where jars come from. A set is fetched into a temporary folder, which is renamed when it is
complete. So a folder of jars that exists is complete, and a start of a server never needs the network.
"""

import fcntl
import hashlib
import re
import shutil
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import quoteattr

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from landfall.errors import StackError
from landfall.stack import jar_lock
from landfall.stack.java import Java

AWS = "software.amazon.awssdk"
_VERSION = re.compile(r"-\d[\w.+-]*\.jar$")


@dataclass(frozen=True, kw_only=True)
class JarSet:
    """Jars as `group:name:version`; if `transitive`, with the jars that they need, except groups or modules in `without`.

    Jars that run `beside_spark`, on its class path, are fetched without those that Spark's own folder has, in whatever version.
    """

    name: str
    jars: tuple[str, ...]
    transitive: bool
    without: tuple[str, ...] = ()
    beside_spark: bool = False

    @property
    def ivy(self) -> str:
        """The set as an Ivy module."""
        conf = "default->master,runtime(*)" if self.transitive else "default->master"
        lines = [
            '<ivy-module version="2.0">',
            f'<info organisation="landfall" module={quoteattr(self.name)}/>',
            '<configurations><conf name="default"/></configurations>',
            "<dependencies>",
        ]
        for jar in self.jars:
            group, name, version = map(quoteattr, jar.split(":"))
            flag = str(self.transitive).lower()
            lines.append(f'<dependency org={group} name={name} rev={version} conf="{conf}" transitive="{flag}"/>')
        for left_out in self.without:
            group, _, name = left_out.partition(":")
            lines.append(f"<exclude org={quoteattr(group)} module={quoteattr(name or '*')}/>")
        return "\n".join([*lines, "</dependencies>", "</ivy-module>", ""])

    def folder(self, cache: Path) -> Path:
        """The folder of this set; a set with another list of jars has another folder."""
        return cache / "jars" / f"{self.name}-{hashlib.sha256(self.ivy.encode()).hexdigest()[:10]}"


SPARK = JarSet(
    name="spark",
    transitive=True,
    beside_spark=True,
    jars=(
        "io.delta:delta-spark_4.0_2.13:4.1.0",
        "org.apache.hadoop:hadoop-aws:3.4.1",
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0",
        "org.postgresql:postgresql:42.7.14",
        *(f"{AWS}:{name}:2.35.4" for name in ("s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client")),
    ),
    # The SDK's bundle alone is 686 MB; the others are in Spark's own folder already.
    without=(
        f"{AWS}:bundle",
        "io.netty",
        "org.slf4j",
        "org.apache.logging.log4j",
        "org.scala-lang",
        "org.apache.hadoop:hadoop-client-api",
        "org.apache.hadoop:hadoop-client-runtime",
    ),
)

S3 = JarSet(
    name="s3proxy",
    transitive=False,  # the full tree is 151 jars and takes minutes; these are what it uses
    jars=(
        "org.gaul:s3proxy:4.1.0",
        "tools.jackson.core:jackson-core:3.2.2",
        "tools.jackson.core:jackson-databind:3.2.2",
        "tools.jackson.dataformat:jackson-dataformat-xml:3.2.2",
        "com.fasterxml.jackson.core:jackson-annotations:2.21",
        "ch.qos.logback:logback-core:1.6.3",
        "ch.qos.logback:logback-classic:1.6.3",
        "com.google.guava:guava:33.7.1-jre",
        *(
            f"{AWS}:{name}:2.54.2"
            for name in ("s3", "sdk-core", "aws-core", "utils", "http-client-spi", "checksums", "checksums-spi")
        ),
        "com.fasterxml.woodstox:woodstox-core:7.0.0",
        "org.codehaus.woodstox:stax2-api:4.2.2",
        "args4j:args4j:2.37",
        "jakarta.servlet:jakarta.servlet-api:6.0.0",
        "org.slf4j:slf4j-api:2.0.18",
    ),
)

KAFKA = JarSet(
    name="kafka",
    transitive=True,
    jars=("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
)

CONNECT = JarSet(
    name="connect",
    transitive=True,
    jars=(
        *(
            f"org.apache.kafka:{name}:4.3.1"
            for name in ("connect-runtime", "connect-json", "connect-basic-auth-extension")
        ),
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    ),
)

DEBEZIUM = JarSet(
    name="debezium",
    transitive=True,
    jars=("io.debezium:debezium-connector-postgres:3.6.1.Final",),
    # A plugin has Kafka's own classes from the worker that loads it.
    without=("org.apache.kafka", "org.slf4j"),
)

ALL = (SPARK, S3, KAFKA, CONNECT, DEBEZIUM)


PUBLIC = "changeit"
"""Java opens no store without a password; this store holds nothing secret."""


def pyspark_home() -> Path:
    """The installed pyspark folder, found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("`pyspark` is not installed.", next="pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0])


def fetch(jars: JarSet, cache: Path, java: Java) -> Path:
    """The folder with `jars`, which are fetched if they are missing. Several stacks may do it at once.

    Each jar's digest is checked (`jar_lock`), after it has been fetched and at each start.

    Raises:
        StackError: Ivy could not resolve the jars (the message has its last lines), or a jar has changed.
    """
    folder = jars.folder(cache)
    with alone(cache):
        if folder.exists():
            jar_lock.check(
                jars.name, folder, left="the jars are as they were found", next=f"rm -r {folder} && landfall up"
            )
            return folder
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{jars.name}-") as temporary:
            _retrieve(jars, Path(temporary), cache, java)
            again = f"rm -r {cache / 'ivy'} && landfall up    (and if it says so again: do not run them)"
            jar_lock.check(jars.name, Path(temporary, "jars"), left="nothing that was fetched is kept", next=again)
            folder.parent.mkdir(exist_ok=True)
            Path(temporary, "jars").rename(folder)
    return folder


def retrieve(jars: JarSet, cache: Path, java: Java) -> Path:
    """The jars as the network has them now, in a folder of the empty `cache`, without a check of their digests.

    Raises:
        StackError: Ivy could not resolve them.
    """
    folder = cache / jars.name
    folder.mkdir()
    _retrieve(jars, folder, cache, java)
    return folder / "jars"


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Inside the `with`, nobody else fetches into the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _retrieve(jars: JarSet, temporary: Path, cache: Path, java: Java) -> None:
    ivy_file, spark_jars = temporary / "ivy.xml", pyspark_home() / "jars"
    ivy_file.write_text(jars.ivy, encoding="utf-8")
    pattern = f"{temporary}/jars/[artifact]-[revision].[ext]"
    command = [java.executable, *_trusting(temporary / "trusted.p12")]
    command += ["-cp", f"{spark_jars}/*", "org.apache.ivy.Main", "-cache", str(cache / "ivy")]
    command += ["-ivy", str(ivy_file), "-confs", "default", "-retrieve", pattern]
    ivy = subprocess.run(command, capture_output=True, text=True, cwd=temporary, check=False)
    fetched = {jar.name for jar in (temporary / "jars").glob("*.jar")}
    missing = [jar for jar in jars.jars if "{1}-{2}.jar".format(*jar.split(":")) not in fetched]
    if ivy.returncode or missing:
        raise StackError(
            f"The jars of `{jars.name}` could not be fetched: {', '.join(missing) or 'Ivy failed'}.",
            looked="\n    ".join(["Ivy said:", *(ivy.stdout + ivy.stderr).strip().splitlines()[-8:]]),
            left="nothing half-fetched is kept",
            next="check the network (and a proxy's JAVA_TOOL_OPTIONS), then: landfall up",
        )
    if jars.beside_spark:
        _drop_what_spark_has(temporary / "jars", spark_jars)


def _trusting(store: Path) -> list[str]:
    """Options that make Java trust the authorities that Python trusts: the wheel's Java does not know the machine's own."""
    file = ssl.get_default_verify_paths().cafile
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd certificates among the machine's own
            certificates = x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else []
        trusted = [
            pkcs12.PKCS12Certificate(certificate, str(number).encode())
            for number, certificate in enumerate(certificates)
        ]
        if not trusted:
            return []
        store.write_bytes(pkcs12.serialize_java_truststore(trusted, BestAvailableEncryption(PUBLIC.encode())))
    except (OSError, ValueError):
        return []
    name = "-Djavax.net.ssl.trustStore"
    return [f"{name}={store}", f"{name}Type=PKCS12", f"{name}Password={PUBLIC}"]


def _drop_what_spark_has(folder: Path, spark_jars: Path) -> None:
    own = {_VERSION.sub("", jar.name) for jar in spark_jars.glob("*.jar")}
    for jar in folder.glob("*.jar"):
        if _VERSION.sub("", jar.name) in own:
            jar.unlink()


def clear_partial(cache: Path) -> None:
    """Removes the remains of interrupted downloads."""
    for jars in ALL:
        for left in cache.glob(f".{jars.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
