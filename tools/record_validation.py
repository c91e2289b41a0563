#!/usr/bin/env python3
"""Asks a real API server what it says about every case in tests/golden/validation, and writes its causes beside them.

    kubectl proxy --port 8001 &
    tools/record_validation.py http://127.0.0.1:8001

A case with `input` is posted as a dry run. One with `old` is created, given `status` where that is said, patched with the JSON
patch in `patch`, and deleted. All in the namespace `kinds`, which is made where it is missing. Of each message only the first line
is kept, as what follows shows Go's own types; uids become one that the test gives.
"""

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


def said(cause):
    """The first line of a message, with the uid of the test."""
    line = cause.get("message", "").split("\n")[0]
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", UID, line)


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


def main():
    server = sys.argv[1]
    version = call(server, "GET", "/version")[1]["gitVersion"]
    call(server, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    paths = collections()
    for file in sorted((GOLDEN / "validation").glob("*.json")):
        golden = json.loads(file.read_text())
        for case in golden["cases"]:
            given = case.get("input") or case["old"]
            case["causes"] = ask(server, paths[(given["apiVersion"], given["kind"])], case)
        lines = ",\n".join("    " + json.dumps(case) for case in golden["cases"])
        file.write_text(f'{{\n  "server": "{version}",\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
