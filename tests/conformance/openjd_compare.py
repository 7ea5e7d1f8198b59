"""Compares Posthouse with the reference implementation of Open Job Description (openjd-model).

    openjd_compare.py POSTHOUSE TASKS FOLDER

POSTHOUSE is the program, TASKS the helper built from openjd_tasks.c, FOLDER a place for files.
Prints TAP: one line a group; each difference that is not in DIFFERENCES is told and fails it. Where
the reference and the specification disagree, the specification holds: the case stands in
DIFFERENCES with its clause.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openjd_cases as cases

posthouse, tasks_program, folder = sys.argv[1:4]
SUPPORTED = cases.ALL + ["WRAP_ACTIONS"]

# (what the case's name holds, clause and why we decide otherwise)
DIFFERENCES = [
    (r"§2.3 parameterDefinitions.\+ #6$", "2.3: '1.0' is no <intstring>"),
    (r"§3.3.1 .*amounts.0 #12$", "3.3.1: min or max must be provided, null is neither"),
    (r"§3.4.3 .*combination #(10|11|19)$", "3.4.3: <ExprList> may be one <CombinationExpr>"),
    (r"§5 .*timeout #12$", "5: true is no <posinteger>"),
    (r"^(base|TASK_CHUNKING|FEATURE_BUNDLE_1) §E1 .*args #(3|4|9)$", "7.3: without EXPR only whole names are names of values"),
    (r"^(base|TASK_CHUNKING|FEATURE_BUNDLE_1) §E1 .*(range #8|attributes.0 #1|timeout #3|min #2)$", "7.3: without EXPR 'null' is a name, of nothing"),
    (r"^(base|TASK_CHUNKING|FEATURE_BUNDLE_1) §4 .*command #2$", "7.3: without EXPR there are no properties"),
    (r"§3.4.1.2 .*#2$", "E1.3.12: the string must be an expression that makes a list"),
    (r"§3.4.1.3 .*#(4|5|12|13)$", "E1.3.12: the string must be an expression that makes a list"),
    (r"§5.2 .*args #4$", "E, Enabling: with EXPR arguments may have tabs"),
    (r"§3.6 steps.0.let #24$", "E2.3.2: apply_path_mapping is for @fmtstring[host] alone"),
    (r"§E1 .*args #11$", "E1.2.6: in args items are turned into strings, since one list type is wanted"),
    (r"§E1 .*args #12$", "E1.3.2: a list of lists can not be turned into list[string]"),
    (r"§E1 .*args #18$", "E1.3.7: a whole number can not be iterated over"),
    (r"EXPR §E1 .*timeout #5$", "E1.3.2: a list can not be turned into an int"),
    (r"EXPR §E1 .*min #3$", "E1.3.2: 'x' can not be turned into a number"),
    (r"§E1 .*range #8$", "E1.3.2: a field that is required can not be null"),
]

EXPRESSION_DIFFERENCES = {
    "round(1234.5,-1)": "E2.2.2: with ndigits <= 0 the result is an int",
    "round(1.0,0)": "E2.2.2: with ndigits <= 0 the result is an int",
    "round(2.675,2)": "E2.2.2: the nearest; 2.675 as a float is below 2.675",
    "repr_sh(\"a b'c\")": "E2.2.6: as shlex.quote does it",
    "[[1],['a']]": "E1.2.6: incompatible types",
}

SPACES = [
    # (task parameters, combination)
    ([{"name": "A", "type": "INT", "range": "1-3"}], None),
    ([{"name": "A", "type": "INT", "range": "1-3"}, {"name": "B", "type": "STRING", "range": ["x", "y"]}], None),
    ([{"name": "A", "type": "INT", "range": "1-3"}, {"name": "B", "type": "STRING", "range": ["x", "y"]}], "B * A"),
    ([{"name": "A", "type": "INT", "range": "1-3"}, {"name": "B", "type": "FLOAT", "range": [1, 2.5, "3.50"]}], "(A, B)"),
    ([{"name": c, "type": "INT", "range": "1-4"} for c in "ABCD"], "A * (B, C) * D"),
    ([{"name": "A", "type": "INT", "range": "1-2"}, {"name": "B", "type": "INT", "range": "1-2"}, {"name": "C", "type": "INT", "range": "1-4"}], "(A * B, C)"),
    ([{"name": "A", "type": "INT", "range": "1-10:3,20,30-34:2"}], None),
    ([{"name": "A", "type": "INT", "range": [5, 3, "4", "{{Param.N}}"]}], None),
    ([{"name": "A", "type": "INT", "range": "{{Param.N}}-9"}], None),
    ([{"name": "A", "type": "FLOAT", "range": ["02.50", "-0.00", 1, 1.5, "1e3"]}], None),
    ([{"name": "A", "type": "PATH", "range": ["/a/b", "c"]}], None),
    ([{"name": "A", "type": "STRING", "range": ["{{Param.S}}", ""]}], None),
    ([{"name": "A", "type": "INT", "range": "-5--1"}], None),
    ([{"name": "A", "type": "INT", "range": "1,2,3,5,7,9"}], None),
]
CHUNKS = ["1-10", "1-100", "1,10-12,18-50", "1-10:2", "1-10:3,11-14", "7", "1-3,5-7:2,8,9,20-30", "-5-5", "1,3,5,7,8,9,10,12,14"]
for text in CHUNKS:
    for size in (1, 2, 3, 7, 10, 1000):
        for constraint in ("CONTIGUOUS", "NONCONTIGUOUS"):
            chunk = {"name": "F", "type": "CHUNK[INT]", "range": text, "chunks": {"defaultTaskCount": size, "rangeConstraint": constraint}}
            SPACES.append(([chunk], None))
SPACES.append(([chunk, {"name": "A", "type": "INT", "range": "1-2"}], "F * A"))
SPACES.append(([chunk, {"name": "A", "type": "INT", "range": "1-2"}], "A * F"))

VALUES = [
    # (definition, values to try)
    ({"type": "INT", "minValue": 2, "maxValue": 5}, [1, 2, "3", "x", 5, 6, 2.5, "2.0", True, "", None, " 4 "]),
    ({"type": "INT", "allowedValues": [1, 2]}, [1, "2", 3]),
    ({"type": "FLOAT", "minValue": 0.5}, [0.4, 0.5, "0.50", "1e2", "x", 1, True]),
    ({"type": "STRING", "minLength": 2, "maxLength": 3}, ["a", "ab", "abc", "abcd", "éé"]),
    ({"type": "STRING", "allowedValues": ["a", "b"]}, ["a", "c"]),
    ({"type": "PATH"}, ["a", "/a", "../a", "", "a/../b"]),
    ({"type": "BOOL"}, ["true", "YES", "0", "x", True, 1, 2]),
    ({"type": "RANGE_EXPR"}, ["1-5", "", "x", "10-1:-3"]),
    ({"type": "LIST[INT]", "maxLength": 2, "item": {"maxValue": 5}}, [[1], [1, 2, 3], [6], "[1, 2]", "x", ["a"], "[1, \"2\"]"]),
    ({"type": "LIST[STRING]", "item": {"allowedValues": ["a"]}}, [["a"], ["b"], "[\"a\"]", []]),
    ({"type": "LIST[LIST[INT]]"}, [[[1], [2, 3]], "[[1]]", [1]]),
]


class Tap:
    def __init__(self):
        self.count = 0

    def line(self, good, name):
        self.count += 1
        print(("ok" if good else "not ok"), self.count, "-", name, flush=True)


def allowed(name):
    return any(re.search(pattern, name) for pattern, _ in DIFFERENCES)


def reference_verdict(template, job):
    from openjd.model import decode_environment_template, decode_job_template

    try:
        decode = decode_job_template if job else decode_environment_template
        decode(template=template, supported_extensions=SUPPORTED)
        return True, ""
    except Exception as e:  # noqa: BLE001: whatever it is, it refuses
        return False, str(e).replace("\n", " ")


def our_verdict(template):
    path = os.path.join(folder, "template.json")
    Path(path).write_text(json.dumps(template))
    r = subprocess.run([posthouse, "openjd", "check", path], capture_output=True, text=True)
    return r.returncode, (r.stdout + r.stderr).replace("\n", " ")


def compare_verdicts(tap):
    groups = {}
    step = int(os.environ.get("OPENJD_EVERY", "1"))
    for i, (name, template, job) in enumerate(cases.all_cases()):
        if i % step:
            continue
        good, why = reference_verdict(json.loads(json.dumps(template)), job)
        status, said = our_verdict(template)
        group = name.split(" ")[0]
        groups.setdefault(group, [0, 0])
        groups[group][0] += 1
        if status not in (0, 1) or ((status == 0) != good and not allowed(name)):
            groups[group][1] += 1
            print("#", name, "| reference:", good, why[:200], "| we:", status, said[:200])
    for group, (count, bad) in groups.items():
        tap.line(bad == 0, "%d templates of %s: same verdict" % (count, group))


class Helper:
    def __init__(self):
        self.p = subprocess.Popen([tasks_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        self.p.stdin.write(json.dumps(question) + "\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())


def template_of(space=None, combination=None, definition=None):
    step = {"name": "S", "script": {"actions": {"onRun": {"command": "true"}}}}
    if space:
        step["parameterSpace"] = {"taskParameterDefinitions": space}
        if combination:
            step["parameterSpace"]["combination"] = combination
    parameters = [{"name": "N", "type": "INT", "default": 6}, {"name": "S", "type": "STRING", "default": "s"}]
    if definition:
        parameters.append(dict({"name": "P"}, **definition))
    return {"specificationVersion": "jobtemplate-2023-09", "extensions": cases.ALL, "name": "J", "parameterDefinitions": parameters, "steps": [step]}


def reference_job(template, given):
    from openjd.model import create_job, decode_job_template, preprocess_job_parameters

    decoded = decode_job_template(template=json.loads(json.dumps(template)), supported_extensions=SUPPORTED)
    values = preprocess_job_parameters(job_template=decoded, job_parameter_values=given, job_template_dir=Path("/template"), current_working_dir=Path("/work"))
    return create_job(job_template=decoded, job_parameter_values=values)


def as_sets(tasks, space):
    """A chunk that need not be contiguous may be written in several ways: its numbers count."""
    from openjd.model import IntRangeExpr

    free = [p["name"] for p in space if p.get("chunks", {}).get("rangeConstraint") == "NONCONTIGUOUS"]
    return [{k: sorted(IntRangeExpr.from_str(v)) if k in free else v for k, v in t.items()} for t in tasks or []]


def compare_spaces(tap, helper):
    from openjd.model import StepParameterSpaceIterator

    path = os.path.join(folder, "space.json")
    bad = 0
    for space, combination in SPACES:
        template = template_of(space, combination)
        Path(path).write_text(json.dumps(template))
        ours = helper.ask({"template": path, "given": {}})
        job = reference_job(template, {})
        theirs = [{k: v.value for k, v in task.items()} for task in StepParameterSpaceIterator(space=job.steps[0].parameterSpace)]
        if as_sets(ours.get("steps", [{}])[0].get("tasks"), space) != as_sets(theirs, space):
            bad += 1
            print("#", json.dumps(space), combination, "| reference:", theirs[:12], "| we:", str(ours)[:600])
    tap.line(bad == 0, "%d task parameter spaces: the same tasks in the same order" % len(SPACES))


# (definition, value): clause and why we decide otherwise
VALUE_DIFFERENCES = {}


def compare_values(tap, helper):
    path = os.path.join(folder, "values.json")
    count = bad = 0
    for definition, values in VALUES:
        template = template_of(definition=definition)
        Path(path).write_text(json.dumps(template))
        for value in values:
            count += 1
            ours = "refused" not in helper.ask({"template": path, "given": {"P": value}})
            try:
                reference_job(template, {"P": value})
                theirs, why = True, ""
            except Exception as e:  # noqa: BLE001
                theirs, why = False, str(e).replace("\n", " ")[:160]
            if ours != theirs and (json.dumps(definition), json.dumps(value)) not in VALUE_DIFFERENCES:
                bad += 1
                print("#", json.dumps(definition), json.dumps(value), "| reference:", theirs, why, "| we:", ours)
    tap.line(bad == 0, "%d values of job parameters: taken and refused alike" % count)


def compare_expressions(tap, helper):
    import openjd.expr

    lines = Path(__file__).with_name("openjd_expressions.txt").read_text().splitlines()
    bad = 0
    for line in lines:
        ours = helper.ask({"expr": line})
        try:
            v = openjd.expr.evaluate_expression(line)
            theirs = {"value": str(v), "type": str(v.type)}
        except Exception:  # noqa: BLE001
            theirs = None
        same = ("refused" in ours) if theirs is None else ours == theirs
        if not same and line not in EXPRESSION_DIFFERENCES:
            bad += 1
            print("#", line, "| reference:", theirs, "| we:", ours)
    tap.line(bad == 0, "%d expressions: same value, same type" % len(lines))


def main():
    tap = Tap()
    helper = Helper()
    print("1..%d" % (6 + 3))
    compare_verdicts(tap)
    compare_spaces(tap, helper)
    compare_values(tap, helper)
    compare_expressions(tap, helper)


main()
