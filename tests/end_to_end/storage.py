"""An S3 on this machine: moto's server, with one bucket."""

import os
import subprocess
from contextlib import contextmanager

SERVER = """
import os, sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
boto3.client("s3", endpoint_url=url).create_bucket(Bucket="bucket")
print(url, flush=True)
sys.stdin.read()
"""
COPY = """
import pathlib, sys
import boto3
for stored in boto3.resource("s3").Bucket("bucket").objects.all():
    path = pathlib.Path(sys.argv[1], stored.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.Object().download_file(str(path))
"""


@contextmanager
def s3(python):
    """Start an S3 with a bucket, called bucket, by a Python that has moto.

    Give the environment that leads to it.
    """
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with subprocess.Popen(
        [*python, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    ) as store:
        yield {**environment, "AWS_ENDPOINT_URL": store.stdout.readline().strip()}
        store.stdin.close()


def copy(python, environment, folder):
    """Copy what the bucket holds into a folder, and give the folder."""
    subprocess.run([*python, "-c", COPY, folder], env=environment, check=True)
    return folder
