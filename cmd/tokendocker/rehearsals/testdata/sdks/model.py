"""Compares answers of the engine that the environment leads to with the services' own models, which boto3 brings."""

import json
from xml.etree import ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

findings = []
made = 0  # answers that were compared


def found(operation, what):
    findings.append(f"{operation}: {what}")


# How JSON looks for the types of a model.
SCALARS = {
    "string": str, "character": str, "blob": str, "boolean": bool, "integer": int, "long": int,
    "float": (int, float), "double": (int, float), "timestamp": (int, float, str),
}


def check_json(operation, shape, value, path):
    if value is None:
        return found(operation, f"{path} is null")
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            return found(operation, f"{path} is no object: {value!r}")
        names = {m.serialization.get("name", n): m for n, m in shape.members.items() if not m.serialization.get("location")}
        for key, item in value.items():
            if key in names:
                check_json(operation, names[key], item, f"{path}.{key}")
            elif key != "__type":
                found(operation, f"{path}.{key} is unknown to the model")
        for key in shape.required_members:
            if shape.members[key].serialization.get("name", key) not in value and not shape.members[key].serialization.get("location"):
                found(operation, f"{path}.{key} is missing")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            return found(operation, f"{path} is no list: {value!r}")
        for i, item in enumerate(value):
            check_json(operation, shape.member, item, f"{path}[{i}]")
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            return found(operation, f"{path} is no map: {value!r}")
        for key, item in value.items():
            check_json(operation, shape.value, item, f"{path}.{key}")
    elif not isinstance(value, SCALARS[shape.type_name]) or shape.type_name != "boolean" and isinstance(value, bool):
        found(operation, f"{path} is no {shape.type_name}: {value!r}")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        found(operation, f"{path} is {value!r}, which is none of the model's values")


def local(tag):
    return tag.split("}")[-1]


def check_xml(operation, shape, node, path):
    if shape.type_name == "structure":
        names = {}
        for name, m in shape.members.items():
            flat = m.type_name == "list" and m.serialization.get("flattened")
            names[(flat and m.member.serialization.get("name")) or m.serialization.get("name", name)] = m
        for child in node:
            tag = local(child.tag)
            member = names.get(tag)
            if member is None:
                if not operation.startswith(GENEROUS):
                    found(operation, f"{path}.{tag} is unknown to the model")
            elif member.type_name == "list" and member.serialization.get("flattened"):
                check_xml(operation, member.member, child, f"{path}.{tag}")
            else:
                check_xml(operation, member, child, f"{path}.{tag}")
        for key in shape.required_members:
            m = shape.members[key]
            if not m.serialization.get("location") and not m.serialization.get("xmlAttribute") and node.find("{*}" + m.serialization.get("name", key)) is None:
                found(operation, f"{path}.{key} is missing")
    elif shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for i, child in enumerate(node):
            if local(child.tag) not in (wanted, "item", "member"):
                found(operation, f"{path} holds {local(child.tag)}, not {wanted}")
            else:
                check_xml(operation, shape.member, child, f"{path}[{i}]")
    elif shape.type_name == "map":
        return
    elif len(node):
        found(operation, f"{path} is no {shape.type_name} but holds {local(node[0].tag)}")
    else:
        text = node.text or ""
        if shape.type_name in ("integer", "long") and not text.lstrip("-").isdigit():
            found(operation, f"{path} is no number: {text!r}")
        if shape.type_name == "boolean" and text not in ("true", "false"):
            found(operation, f"{path} is no truth value: {text!r}")
        if shape.type_name == "timestamp" and "T" not in text:
            found(operation, f"{path} is no time: {text!r}")


def check_answer(operation_model, response_dict, **_):
    """Called by botocore with each answer before it reads it."""
    global made
    made += 1
    body, shape, name = response_dict["body"], operation_model.output_shape, operation_model.name
    service = operation_model.service_model
    if response_dict["status_code"] >= 300:
        return
    operation = f"{service.service_name}:{name}"
    protocol = service.metadata["protocol"]
    if shape is None:
        if body.strip() not in (b"", b"{}") and protocol in ("json", "rest-json"):
            found(operation, f"answers {body[:80]!r} where the model has no answer")
        return
    payload = shape.serialization.get("payload")
    if payload:
        shape = shape.members[payload]
        if shape.type_name in ("blob", "string"):
            return
    if protocol in ("json", "rest-json"):
        if body:
            check_json(operation, shape, json.loads(body), "answer")
        return
    if not body:
        return
    root = ElementTree.fromstring(body)
    if protocol == "query":
        wrapper = shape.serialization.get("resultWrapper")
        root = root.find("{*}" + wrapper) if wrapper else root
        if root is None:
            return found(operation, f"the answer has no {wrapper}")
    if protocol == "ec2":
        for child in [c for c in root if local(c.tag) == "requestId"]:
            root.remove(child)
    if name == "GetBucketLocation":
        return
    check_xml(operation, shape, root, "answer")


# CloudFormation's listings hold what its descriptions hold, of which clients skip what the model does not have.
GENEROUS = ("cloudformation",)


clients = {}


def client(service):
    if service not in clients:
        clients[service] = boto3.client(service, config=Config(retries={"max_attempts": 1}))
        clients[service].meta.events.register("before-parse", check_answer)
    return clients[service]


def call(service, method, error=None, **arguments):
    """Makes a call, which must fail with the error if one is given."""
    try:
        out = getattr(client(service), method)(**arguments)
    except ClientError as e:
        code = e.response["Error"]["Code"]
        if code != error:
            found(f"{service}:{method}", f"fails with {code}: {e.response['Error'].get('Message')}, not {error}")
        return {}
    except Exception as e:  # what the SDK cannot read
        found(f"{service}:{method}", f"{type(e).__name__}: {e}")
        return {}
    if error:
        found(f"{service}:{method}", f"succeeds, and should fail with {error}")
    return out


def pages(service, method, key, want, **arguments):
    """Reads all pages of a listing, which must hold so many entries."""
    try:
        got = [item for page in client(service).get_paginator(method).paginate(**arguments) for item in page.get(key, [])]
    except Exception as e:
        return found(f"{service}:{method}", f"{type(e).__name__}: {e}")
    if len(got) != want:
        found(f"{service}:{method}", f"{len(got)} {key} over all pages, not {want}")


def check(what, holds):
    if not holds:
        found(what, "does not hold")
