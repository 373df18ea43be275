"""Prints the first records of a topic as the CloudEvents SDK and Confluent's deserialiser understand them.

    read.py TOPIC COUNT
"""

import json
import os
import sys

from avro import Avro
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer


def main(topic: str, count: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["TENANTRY_KAFKA"],
            "group.id": f"{topic}-python",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    avro = Avro(topic)
    for message in consumer.consume(count, timeout=30):
        if message.error():
            raise RuntimeError(message.error())
        headers = dict(message.headers())
        record = KafkaMessage(headers=headers, key=message.key(), value=message.value())
        event = from_kafka(record, JSONFormat())
        attributes = event.get_attributes()
        data = event.get_data()
        if attributes["datacontenttype"] == "application/avro":
            # In binary mode the SDK takes bytes for text where it can: the value is the payload.
            is_binary = any(name.startswith("ce_") for name in headers)
            data = avro.read(message.value() if is_binary else data)
        print(json.dumps({"attributes": attributes, "data": data}, default=str))
    consumer.close()


main(sys.argv[1], int(sys.argv[2]))
