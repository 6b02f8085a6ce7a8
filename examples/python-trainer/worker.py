"""A Temporal worker that trains candidates of kind external for Esteira. The contract
it honours is ../external-trainer.schema.json; the fit itself is in trainer.py."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import hashlib
import logging
import os
import pathlib
import tempfile
import threading
import time
import urllib.request

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

import trainer

VERSION = 1
BEAT = 5  # seconds; a trainer that is silent for thirty is taken for dead
log = logging.getLogger("trainer")


@contextlib.contextmanager
def beating(message):
    """Beats while something runs that cannot say how far it is."""
    ended = threading.Event()
    context = contextvars.copy_context()  # a heartbeat needs the activity's own

    def beat():
        while not ended.wait(BEAT):
            context.run(activity.heartbeat, {"message": message})

    activity.heartbeat({"message": message})
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def download(table, path):
    """Fetches a Parquet file and checks that it is the one that was meant. Addresses
    are credentials: none is logged or part of an error."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(table["url"], timeout=60) as source, open(path, "wb") as target:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != table["sha256"]:
        raise RuntimeError("the rows are not those of the request")


def upload(target, body):
    request = urllib.request.Request(target["put_url"], data=body, method="PUT")
    with urllib.request.urlopen(request, timeout=60):
        pass
    return {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}


def deliver(request, model, report):
    """What the answer says of the model, and of the report if one is taken: an older
    Esteira asks for none."""
    most = request["model"]["max_bytes"]
    if len(model) > most:
        raise ApplicationError(f"the model has {len(model)} bytes, more than {most}", type="TooLarge", non_retryable=True)
    delivered = {"model": upload(request["model"], model)}
    wanted = request.get("report")
    if wanted and "text/html" in wanted["media_types"] and len(report) <= wanted["max_bytes"]:
        delivered["report"] = upload(wanted, report) | {"media_type": "text/html"}
    return delivered


@activity.defn(name="train")
def train(request: dict) -> dict:
    if request["version"] != VERSION:
        raise ApplicationError(f"this trainer speaks version {VERSION} of the contract", type="Version", non_retryable=True)
    log.info("fit: run %s, trial %d, fold %d", request["run"], request["trial"], request["fold"])
    beaten = 0.0

    def progress(done, of):
        nonlocal beaten
        if time.monotonic() - beaten >= 1:  # once a second is often enough
            beaten = time.monotonic()
            activity.heartbeat({"done": done, "of": of, "message": f"round {done} of {of}"})

    with tempfile.TemporaryDirectory(prefix="trainer-") as directory:
        learn, held = (pathlib.Path(directory) / name for name in ("train.parquet", "held.parquet"))
        with beating("fetching the rows"):
            download(request["train"], learn)
            download(request["validation"], held)
        begun = time.monotonic()
        try:
            with beating("fitting"):
                model, metrics, report = trainer.fit(request, learn, held, progress)
        except trainer.Unusable as wrong:
            raise ApplicationError(str(wrong), type="Unusable", non_retryable=True) from wrong
        seconds = time.monotonic() - begun
        with beating("sending the model"):
            delivered = deliver(request, model, report)
    return {"version": VERSION, **delivered, "metrics": metrics, "framework": trainer.FRAMEWORK, "seconds": seconds}


async def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    queue = os.environ.get("TRAINER_QUEUE", "python-trainer")
    slots = int(os.environ.get("TRAINER_SLOTS", "2"))
    client = await Client.connect(os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233"), namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"))
    with concurrent.futures.ThreadPoolExecutor(slots) as threads:
        worker = Worker(client, task_queue=queue, activities=[train], activity_executor=threads, max_concurrent_activities=slots)
        log.info("trainer ready on task queue %s", queue)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
