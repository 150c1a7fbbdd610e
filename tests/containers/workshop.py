"""Images built and run without a registry and without a daemon, out of what Debian's mirrors have.

buildah and podman do what docker does; mmdebstrap makes the base image; Caffe's source is Debian 11's (commit 99bd997);
the network comes from ../shared over a server on this machine.
"""

import functools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = "docker.io/library/debian:bookworm-slim"
TOOLS = ("buildah", "podman", "runc", "mmdebstrap", "git", "apt-get")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # with those of a proxy, where there is one
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing():
    """Why no image can be built here; empty where one can."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        return f"needs {', '.join(absent)}"
    return "" if os.geteuid() == 0 else "needs root"


def call(*command, **options):
    """Runs a command and returns what it printed; shows the end of that where it failed."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    done = subprocess.run([str(word) for word in command], check=False, **settings)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}"
    return done.stdout


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """A web server of a folder, and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


class Workshop:
    """A folder with images of its own; close() leaves nothing behind."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="c", dir="/var/tmp"))
        self.store = ["--root", self.folder / "s", "--runroot", self.folder / "r", "--storage-driver", "overlay"]
        (self.folder / "pip.conf").write_text("[global]\ncert = /run/host-ca.crt\n")
        self.mounts = [
            *("-v", f"{CERTIFICATES}:/run/host-ca.crt:ro"),
            *("-v", f"{self.folder / 'pip.conf'}:/etc/pip.conf:ro"),
        ]
        self._daemon = None

    def close(self):
        if self._daemon:
            self._daemon.terminate()
            self._daemon.wait()
        still_running = ("podman", "rm", "--all", "--force")
        for tool, *leave in (still_running, ("buildah", "rm", "--all"), ("buildah", "rmi", "--all", "--force")):
            subprocess.run([tool, *map(str, self.store), *leave], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def buildah(self, *args):
        return call("buildah", *self.store, *args)

    def make_base(self):
        """The stand-in for the base image of the Dockerfile."""
        archive = self.folder / "base.tar"
        call("mmdebstrap", "--variant=minbase", "--mode=root", "bookworm", archive)
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "-q", container, archive, "/")
        self.buildah("config", "--cmd", "bash", "--env", f"PATH={PATH}", container)
        self.buildah("commit", "-q", "--rm", container, BASE)
        archive.unlink()

    def serve_caffe(self):
        """The build's variables that say where Caffe's source is: on this machine, from Debian 11's package."""
        source, state = self.folder / "caffe", self.folder / "apt"
        source.mkdir()
        (state / "lists" / "partial").mkdir(parents=True)
        mirror = call("apt-get", "indextargets", "--format", "$(REPO_URI)", "Release: bookworm", "Component: main")
        (state / "list").write_text(f"deb-src {mirror.split()[0]} bullseye main contrib\n")
        settings = {
            "Dir::Etc::SourceList": state / "list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": state / "lists",
            "Dir::Cache": state,
            "APT::Sandbox::User": "root",
        }
        options = [f"-o{name}={value}" for name, value in settings.items()]
        call("apt-get", *options, "update")
        call("apt-get", *options, "source", "--download-only", "caffe", cwd=state)
        (archive,) = state.glob("caffe_*.orig.tar.*")
        call("tar", "-xf", archive, "-C", source)
        git = ["git", "-C", source, "-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        for command in (("init", "-q"), ("add", "-A", "-f"), ("commit", "-q", "-m", archive.name)):
            call(*git, *command)
        commit = call(*git, "rev-parse", "HEAD").strip()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        serving = ["daemon", "--listen=127.0.0.1", f"--port={port}", "--export-all", f"--base-path={self.folder}"]
        self._daemon = subprocess.Popen(["git", *serving, str(source)])
        return {"CAFFE_REPO": f"git://127.0.0.1:{port}/caffe", "CAFFE_COMMIT": commit}

    def build(self, tag, arguments, *options):
        """The Dockerfile's image."""
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        how = ["--layers", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker"]
        return self.buildah("bud", *how, *self.mounts, *given, *options, "-t", f"localhost/{tag}", ROOT)

    def podman(self, image, *args, options=()):
        """The command that runs an image as docs/caffe.md has it, without network, and unable to change anything."""
        how = ["--cgroup-manager=cgroupfs", "--runtime", "runc", "run", "--rm", "--pull=never", "--network", "none"]
        limits = [
            "--ulimit",
            "nofile=1024:1024",
            "--ulimit",
            "nproc=1024:1024",
        ]  # podman would ask for more than it may
        closed = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"]
        words = ["podman", *self.store, *how, *limits, *closed, *options, f"localhost/{image}", *args]
        return [str(word) for word in words]
