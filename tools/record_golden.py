#!/usr/bin/env python3
"""Asks a real API server what it makes of every case in tests/golden, and writes its answers beside them.

    kubectl proxy --port 8001 &
    tools/record_golden.py http://127.0.0.1:8001

validation: the causes for which an object is refused. A case with `input` is posted as a dry run. One with `old` is created, given
`status` where that is said, patched with the JSON patch in `patch`, and deleted. Of each message only the first line is kept, as
what follows shows Go's own types.
stored: the object as it comes back from creation, without what differs each time; and what the server warns of.
tables: the object and its cells in one answer, and when that was. Times written `@90` are 90 seconds before.

All in the namespace `kinds`, which is made where it is missing. Uids become one that the tests give.
"""

import datetime
import email.utils
import json
import pathlib
import re
import sys
import urllib.error
import urllib.request

NAMESPACE = "kinds"
UID = "00000000-0000-4000-8000-000000000000"
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"


def call(server, method, path, body=None, form="application/json"):
    """The status code and the decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server + path, data=data, method=method, headers={"Content-Type": form})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def collections():
    """The path of each kind's collection, from the recorded discovery."""
    found = {}
    for row in json.loads((GOLDEN / "discovery-v1.35.4.json").read_text()):
        group, version = row["group"], row["version"]
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        place = f"/namespaces/{NAMESPACE}" if row["namespaced"] else ""
        found[(f"{group}/{version}" if group else version, row["kind"])] = f"{root}{place}/{row['resource']}"
    return found


def same(text):
    """The text with the uid of the test, and the letters of generated volume names made the same."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", UID, text)
    return re.sub(r"kube-api-access-[a-z0-9]{5}", "kube-api-access-xxxxx", text)


def said(cause):
    """The first line of a message."""
    return same(cause.get("message", "").split("\n")[0])


def causes(code, answer):
    """What is wrong, as the test wants it; empty when nothing is."""
    if code < 300:
        return []
    if code != 422:
        return [{"code": code, "message": said(answer)}]
    found = answer["details"].get("causes", [])
    return [{"reason": cause.get("reason"), "field": cause.get("field", ""), "message": said(cause)} for cause in found]


def remove(server, place):
    """Takes an object away, whatever holds it."""
    call(server, "DELETE", place + "?gracePeriodSeconds=0&propagationPolicy=Background")
    call(server, "PATCH", place, {"metadata": {"finalizers": None}}, "application/merge-patch+json")


def ask(server, path, case):
    if "input" in case:
        return causes(*call(server, "POST", path + "?dryRun=All", case["input"]))
    place = path + "/" + case["old"]["metadata"]["name"]
    remove(server, place)
    code, stored = call(server, "POST", path, case["old"])
    if code >= 300:
        raise SystemExit(f"{case['name']}: the old object is refused: {stored.get('message')}")
    if "status" in case:
        call(server, "PATCH", place + "/status", {"status": case["status"]}, "application/merge-patch+json")
    answer = causes(*call(server, "PATCH", place, case["patch"], "application/json-patch+json"))
    remove(server, place)
    return answer


def stored(server, path, case):
    """The object as it is stored, and what was told beside it."""
    request = urllib.request.Request(server + path + "?dryRun=All", data=json.dumps(case["input"]).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as found:
            answer = json.load(found)
            warnings = found.headers.get_all("Warning") or []
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{case['name']}: refused: {json.load(error).get('message')}") from error
    for field in ["uid", "creationTimestamp", "resourceVersion", "managedFields"]:
        answer["metadata"].pop(field, None)
    if "lastPhaseTransitionTime" in answer.get("status", {}):
        answer["status"]["lastPhaseTransitionTime"] = None
    for condition in answer.get("status", {}).get("conditions", []):
        condition["lastTransitionTime"] = None
    told = [json.loads(warning.removeprefix("299 - ")) for warning in warnings]
    return {"stored": json.loads(same(json.dumps(answer))), "warnings": told}


def dated(value, key=""):
    """The value with `@90` become the time 90 seconds ago."""
    if isinstance(value, dict):
        return {name: dated(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [dated(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"@\d+", value):
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=int(value[1:]))
        micro = ".000000Z" if key in ("eventTime", "lastObservedTime") else "Z"
        return then.strftime("%Y-%m-%dT%H:%M:%S") + micro
    return value


def table(server, path, case):
    """The row of the object, the object itself, and when the server said so."""
    place = path + "/" + case["input"]["metadata"]["name"]
    remove(server, place)
    code, answer = call(server, "POST", path, dated(case["input"]))
    if code >= 300:
        raise SystemExit(f"{case['name']}: refused: {answer.get('message')}")
    if "status" in case:
        code, answer = call(server, "PATCH", place + "/status", {"status": dated(case["status"])}, "application/merge-patch+json")
        if code >= 300:
            raise SystemExit(f"{case['name']}: its status is refused: {answer.get('message')}")
    if case.get("deleted"):
        call(server, "DELETE", place + "?gracePeriodSeconds=0")
    request = urllib.request.Request(server + place + "?includeObject=Object")
    request.add_header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
    with urllib.request.urlopen(request) as answer:
        now = email.utils.parsedate_to_datetime(answer.headers["Date"]).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = json.load(answer)["rows"][0]
    remove(server, place)
    row["object"]["metadata"].pop("managedFields", None)
    return {"now": now, "object": row["object"], "cells": row["cells"]}


def record(folder, version, answer):
    """Asks about every case of a folder of golden files."""
    for file in sorted((GOLDEN / folder).glob("*.json")):
        golden = json.loads(file.read_text())
        for case in golden["cases"]:
            answer(case)
        lines = ",\n".join("    " + json.dumps(case) for case in golden["cases"])
        file.write_text(f'{{\n  "server": "{version}",\n  "cases": [\n{lines}\n  ]\n}}\n')


def main():
    server = sys.argv[1]
    version = call(server, "GET", "/version")[1]["gitVersion"]
    call(server, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    paths = collections()

    def path(case):
        given = case.get("input") or case["old"]
        return paths[(given["apiVersion"], given["kind"])]

    record("validation", version, lambda case: case.update(causes=ask(server, path(case), case)))
    record("stored", version, lambda case: case.update(stored(server, path(case), case)))
    record("tables", version, lambda case: case.update(table(server, path(case), case)))


if __name__ == "__main__":
    main()
