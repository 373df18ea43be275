"""Writes events with the CloudEvents SDK and Confluent's serialiser, one for each line of the standard input:

    {"mode": "binary" | "structured", "attributes": {…}, "data": …, "avro": {…}}

    write.py TOPIC
"""

import json
import os
import sys
from datetime import datetime

from avro import Avro
from cloudevents.core.bindings.kafka import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer


def main(topic: str) -> None:
    producer = Producer({"bootstrap.servers": os.environ["TENANTRY_KAFKA"], "acks": "all"})
    avro = Avro(topic)
    failed = []
    for line in sys.stdin:
        wanted = json.loads(line)
        attributes = {"specversion": "1.0", **wanted["attributes"]}
        if "time" in attributes:
            attributes["time"] = datetime.fromisoformat(attributes["time"])
        data = avro.write(wanted["avro"]) if "avro" in wanted else wanted.get("data")
        event = CloudEvent(attributes=attributes, data=data)
        write = {"binary": to_binary, "structured": to_structured}[wanted["mode"]]
        record = write(event, JSONFormat())
        producer.produce(
            topic,
            key=record.key,
            value=record.value,
            headers=list(record.headers.items()),
            partition=0,
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    left = producer.flush(30)
    if failed or left:
        raise RuntimeError(f"{failed}, {left} not delivered")


main(sys.argv[1])
