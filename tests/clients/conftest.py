"""A sandbox as a process of its own, and the clients that talk to it."""

import json
import os
import subprocess
import urllib.request

import boto3
import botocore.config
import pytest

# Nothing of the machine's own AWS set-up may reach a client, and no client may look for an instance.
CLEAN = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_ACCESS_KEY_ID": "prod",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_PAGER": "",
    "AWS_MAX_ATTEMPTS": "1",
    "NO_PROXY": "127.0.0.1",
}
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(CLEAN)


class Sandbox:
    """`iql sandbox` on a folder."""

    def __init__(self, folder):
        command = [os.environ["IQL_PROGRAM"], "sandbox", "--port", "0", "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.endpoint = line.split()[-1]

    def client(self, key="prod", region="us-east-1", attempts=1, read_timeout=20, service="redshift"):
        config = botocore.config.Config(
            retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=read_timeout
        )
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key="sandbox",
            config=config,
        )

    def control(self, method, what, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{what}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fault(self, trouble, **rule):
        self.control("DELETE", "faults")
        return self.control("POST", "faults", {"trouble": trouble, **rule})

    def advance(self, seconds):
        return self.control("POST", "clock", {"mode": "fixed", "advance_seconds": seconds})

    def aws(self, *arguments, region="us-east-1"):
        """The AWS CLI: exit code, parsed output, standard error."""
        command = ["aws", "--endpoint-url", self.endpoint, "--region", region, "--output", "json", "redshift", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Iql:
    """`iql exec` with a home and an environment of its own, which point at an endpoint."""

    def __init__(self, endpoint, home):
        self.home = home
        self.environment = {
            "HOME": str(home),
            "PATH": os.defpath,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "prod",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "IQL_BACKOFF": "10ms",
        }

    def start(self, *arguments, stdout=subprocess.PIPE, **variables):
        """A variable that is None is not set."""
        environment = {name: value for name, value in (self.environment | variables).items() if value is not None}
        return subprocess.Popen(
            [os.environ["IQL_PROGRAM"], "exec", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env=environment,
        )

    def run(self, *arguments, **variables):
        """Exit code, standard output and standard error."""
        process = self.start(*arguments, **variables)
        out, err = (stream.decode() for stream in process.communicate(timeout=30))
        assert "panicked" not in err
        return process.returncode, out, err

    def output(self, *arguments, **variables):
        """The standard output of what went well, in silence."""
        code, out, err = self.run(*arguments, **variables)
        assert (code, err) == (0, "")
        return out

    def rows(self, sql, *arguments, **variables):
        return json.loads(self.output("-o", "json", *arguments, sql, **variables))


@pytest.fixture
def start(tmp_path):
    """Starts sandboxes on the test's own folder, and ends those that are left."""
    started = []

    def start():
        started.append(Sandbox(tmp_path / "state"))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.kill()


@pytest.fixture
def sandbox(start):
    return start()


@pytest.fixture
def iql(sandbox, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Iql(sandbox.endpoint, home)
