"""Confluent's Avro (de)serialiser, as programs in Python use it beside a registry."""

import json
import os

from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

PLACED = json.dumps(
    {"type": "record", "name": "Placed", "namespace": "it", "fields": [{"name": "number", "type": "long"}]}
)


class Avro:
    """Payloads in the Confluent wire format, for one topic."""

    def __init__(self, topic: str):
        registry = SchemaRegistryClient({"url": os.environ["TENANTRY_REGISTRY"]})
        self.where = SerializationContext(topic, MessageField.VALUE)
        naming = {"subject.name.strategy": topic_record_subject_name_strategy}
        self.serialiser = AvroSerializer(registry, PLACED, conf=naming)
        self.deserialiser = AvroDeserializer(registry, conf=naming)

    def write(self, value: dict) -> bytes:
        return self.serialiser(value, self.where)

    def read(self, payload: bytes) -> dict:
        return self.deserialiser(payload, self.where)
