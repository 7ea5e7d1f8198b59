"""Templates for the comparison with the reference implementation of Open Job Description: a good
one for each set of extensions, and changes to it, one rule each."""

import copy

ALL = ["TASK_CHUNKING", "REDACTED_ENV_VARS", "FEATURE_BUNDLE_1", "EXPR"]
GONE = object()


def base(extensions=()):
    """A template that uses much of the schema."""
    t = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "Job {{Param.Str}}",
        "description": "What it does",
        "parameterDefinitions": [
            {"name": "Str", "type": "STRING", "default": "a", "minLength": 1, "maxLength": 10},
            {"name": "Int", "type": "INT", "default": 3, "minValue": 1, "maxValue": 10},
            {"name": "Float", "type": "FLOAT", "default": 1.5, "minValue": 0.5, "maxValue": "10"},
            {"name": "Path", "type": "PATH", "default": "a/b", "objectType": "FILE", "dataFlow": "IN"},
        ],
        "jobEnvironments": [
            {
                "name": "JobEnv",
                "variables": {"A": "{{Param.Str}}", "B": "{{Session.WorkingDirectory}}"},
                "script": {
                    "actions": {
                        "onEnter": {"command": "{{Env.File.Run}}", "args": ["{{Param.Path}}"]},
                        "onExit": {"command": "true", "timeout": 10},
                    },
                    "embeddedFiles": [
                        {"name": "Run", "type": "TEXT", "data": "echo {{RawParam.Path}}", "runnable": True}
                    ],
                },
            }
        ],
        "steps": [
            {
                "name": "One",
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {"name": "A", "type": "INT", "range": "1-10:3"},
                        {"name": "B", "type": "STRING", "range": ["x", "{{Param.Str}}", "z", "w"]},
                        {"name": "C", "type": "FLOAT", "range": [1, 2.5, "3.50"]},
                    ],
                    "combination": "(A, B) * C",
                },
                "hostRequirements": {
                    "amounts": [{"name": "amount.worker.vcpu", "min": 2, "max": 4}],
                    "attributes": [{"name": "attr.worker.os.family", "anyOf": ["linux"]}],
                },
                "stepEnvironments": [{"name": "StepEnv", "variables": {"C": "d"}}],
                "script": {
                    "actions": {
                        "onRun": {
                            "command": "echo",
                            "args": ["{{Task.Param.A}}", "{{Task.File.F}}", "{{Task.RawParam.B}}"],
                            "timeout": 60,
                            "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 30},
                        }
                    },
                    "embeddedFiles": [
                        {"name": "F", "type": "TEXT", "filename": "f.txt", "data": "{{Param.Int}} {{Session.HasPathMappingRules}}"}
                    ],
                },
            },
            {
                "name": "Two",
                "dependencies": [{"dependsOn": "One"}],
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
        ],
    }
    if extensions:
        t["extensions"] = list(extensions)
    return t


def changed(template, *changes):
    """Changes are (path, value); the value GONE takes away, a path that ends in '+' appends."""
    t = copy.deepcopy(template)
    for path, value in changes:
        at = t
        for key in path[:-1]:
            at = at[key]
        if value is GONE:
            del at[path[-1]]
        elif path[-1] == "+":
            at.append(value)
        else:
            at[path[-1]] = value
    return t


STEP = ("steps", 0)
SPACE = STEP + ("parameterSpace",)
PARAMS = ("parameterDefinitions",)
ENV = ("jobEnvironments", 0)
RUN = STEP + ("script", "actions", "onRun")
HOST = STEP + ("hostRequirements",)
FILES = STEP + ("script", "embeddedFiles")


def long(n, letter="a"):
    return letter * n


# (clause, path, values): each value makes one template.
CHANGES = [
    ("1.1", ("specificationVersion",), ["jobtemplate-2023-08", 3, GONE]),
    ("1.1", ("$schema",), ["https://x", None]),
    ("1.1", ("other",), [1]),
    ("1.1.1", ("name",), ["x", "", long(128), long(129), long(512), long(513), "a\nb", "a\u0085b", "é", 3, None, GONE,
        "{{Param.Str", "Param.Str}}", "{{Param.Nope}}", "{{Param.Path}}", "{{RawParam.Path}}", "{{ Param . Str }}",
        "{{Session.WorkingDirectory}}", "{{}}", "{{Param.Str.upper()}}", "{{Param}}", "{{1}}", "{{Task.Param.A}}", "{{ Param.Str }}{{Param.Int}}",
        "{{Job.Name}}", "{ {Param.Str} }", "a}}b{{Param.Str}}"]),
    ("7.2", ("description",), ["", long(2048), long(2049), "a\n\tb\r", "a\x01", None, 3]),
    ("1.1.2", ("extensions",), [[], ["NOPE"], ["EXPR", "EXPR"], "EXPR", ["expr"], [1], None]),
    ("1.1", PARAMS, [[], None, {}, "x"]),
    ("2", PARAMS + ("+",), [
        {"name": "Str", "type": "STRING"}, {"name": "P", "type": "OTHER"}, {"name": "P"}, {"type": "INT"},
        {"name": "P", "type": "int"}, {"name": "P", "type": "STRING", "extra": 1}, 3, {"name": "P", "type": 3},
        {"name": "1P", "type": "INT"}, {"name": "P-Q", "type": "INT"}, {"name": "", "type": "INT"},
        {"name": long(64), "type": "INT"}, {"name": long(65), "type": "INT"}, {"name": long(512), "type": "INT"},
        {"name": long(513), "type": "INT"}, {"name": "é", "type": "INT"}, {"name": "_", "type": "INT", "description": "d"},
        {"name": "P", "type": "INT", "description": ""},
    ]),
    ("2.1", PARAMS + ("+",), [dict({"name": "P", "type": "STRING"}, **x) for x in [
        {}, {"default": ""}, {"default": 3}, {"default": None}, {"default": long(1024)}, {"default": long(1025)},
        {"default": "a", "minLength": 2}, {"default": "aaa", "maxLength": 2}, {"default": "é", "maxLength": 1},
        {"minLength": -1}, {"minLength": 0}, {"minLength": "1"}, {"minLength": 1.0}, {"maxLength": 0}, {"maxLength": 1},
        {"minLength": 3, "maxLength": 2}, {"allowedValues": []}, {"allowedValues": None}, {"allowedValues": ["a", "b"]},
        {"allowedValues": ["a"], "default": "b"}, {"allowedValues": ["a"], "default": "a"}, {"allowedValues": [1]},
        {"allowedValues": ["aaa"], "maxLength": 2}, {"allowedValues": ["a"], "minLength": 2}, {"allowedValues": [long(1025)]},
        {"minValue": 1}, {"objectType": "FILE"},
        {"userInterface": {}}, {"userInterface": {"control": "LINE_EDIT"}}, {"userInterface": {"control": "NOPE"}},
        {"userInterface": {"control": "DROPDOWN_LIST"}}, {"allowedValues": ["a"], "userInterface": {"control": "DROPDOWN_LIST"}},
        {"allowedValues": ["a"], "userInterface": {"control": "LINE_EDIT"}}, {"allowedValues": ["a"], "userInterface": {"control": "MULTILINE_EDIT"}},
        {"userInterface": {"control": "MULTILINE_EDIT"}}, {"userInterface": {"control": "HIDDEN"}}, {"allowedValues": ["a"], "userInterface": {"control": "HIDDEN"}},
        {"userInterface": {"control": "CHECK_BOX"}}, {"allowedValues": ["true", "FALSE"], "userInterface": {"control": "CHECK_BOX"}},
        {"allowedValues": ["no", "yes"], "userInterface": {"control": "CHECK_BOX"}}, {"allowedValues": ["on", "off"], "userInterface": {"control": "CHECK_BOX"}},
        {"allowedValues": ["1", "0"], "userInterface": {"control": "CHECK_BOX"}}, {"allowedValues": ["1", "off"], "userInterface": {"control": "CHECK_BOX"}},
        {"allowedValues": ["1"], "userInterface": {"control": "CHECK_BOX"}}, {"allowedValues": ["1", "0", "2"], "userInterface": {"control": "CHECK_BOX"}},
        {"userInterface": {"label": "L", "groupLabel": "G"}}, {"userInterface": {"label": ""}}, {"userInterface": {"label": long(65)}},
        {"userInterface": {"label": "a\nb"}}, {"userInterface": {"singleStepDelta": 1}}, {"userInterface": {"control": "SPIN_BOX"}}, {"userInterface": 3},
    ]]),
    ("2.2", PARAMS + ("+",), [dict({"name": "P", "type": "PATH"}, **x) for x in [
        {}, {"default": "/abs"}, {"default": "../up"}, {"default": 1}, {"objectType": "DIRECTORY"}, {"objectType": "OTHER"}, {"dataFlow": "INOUT"}, {"dataFlow": "in"},
        {"minLength": 2, "default": "a"}, {"allowedValues": ["a", "b"], "default": "c"}, {"allowedValues": ["a"], "userInterface": {"control": "CHOOSE_INPUT_FILE"}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE"}}, {"userInterface": {"control": "CHOOSE_DIRECTORY"}}, {"objectType": "FILE", "userInterface": {"control": "CHOOSE_DIRECTORY"}},
        {"objectType": "DIRECTORY", "userInterface": {"control": "CHOOSE_OUTPUT_FILE"}}, {"userInterface": {"control": "DROPDOWN_LIST"}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [{"label": "L", "patterns": ["*.png", "*", "*.*"]}]}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilterDefault": {"label": "L", "patterns": ["*.tar.gz"]}}},
        {"userInterface": {"control": "CHOOSE_DIRECTORY", "fileFilters": [{"label": "L", "patterns": ["*"]}]}},
        {"userInterface": {"fileFilters": [{"label": "L", "patterns": ["*"]}]}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": []}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [{"label": "L", "patterns": ["*"]}] * 20}},
        {"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [{"label": "L", "patterns": ["*"]}] * 21}},
    ] + [{"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [{"label": "L", "patterns": [p]}]}} for p in
        ["", "png", "*.p?g", "*.a/b", "*.", "**", "*.a*", "*.a b", "*." + long(18), "*." + long(19), "*.é", "*.a=b", "*.a;b"]]
      + [{"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [{"label": "L", "patterns": p}]}} for p in [[], ["*"] * 20, ["*"] * 21]]
      + [{"userInterface": {"control": "CHOOSE_INPUT_FILE", "fileFilters": [p]}} for p in [{"label": "L"}, {"patterns": ["*"]}, {"label": "", "patterns": ["*"]}]]]),
    ("2.3", PARAMS + ("+",), [dict({"name": "P", "type": "INT"}, **x) for x in [
        {}, {"default": 1}, {"default": "1"}, {"default": "a"}, {"default": 1.0}, {"default": 1.5}, {"default": "1.0"}, {"default": True}, {"default": "-5"}, {"default": " 5 "},
        {"default": 9223372036854775807}, {"default": -9223372036854775808}, {"minValue": 2, "default": 1}, {"maxValue": 2, "default": 3}, {"minValue": 3, "maxValue": 2},
        {"minValue": "3", "maxValue": "3", "default": "3"}, {"minValue": 1.5}, {"allowedValues": [1, "2"]}, {"allowedValues": [1.5]}, {"allowedValues": [True]}, {"allowedValues": []},
        {"allowedValues": [1, 2], "default": 3}, {"allowedValues": [1], "maxValue": 0}, {"allowedValues": None}, {"minLength": 1},
        {"userInterface": {"control": "SPIN_BOX", "singleStepDelta": 2}}, {"userInterface": {"control": "SPIN_BOX", "singleStepDelta": 0}}, {"userInterface": {"control": "SPIN_BOX", "singleStepDelta": 1.5}},
        {"userInterface": {"control": "HIDDEN", "singleStepDelta": 2}}, {"userInterface": {"singleStepDelta": 2}}, {"allowedValues": [1], "userInterface": {"control": "SPIN_BOX"}},
        {"userInterface": {"control": "DROPDOWN_LIST"}}, {"userInterface": {"control": "LINE_EDIT"}}, {"userInterface": {"decimals": 1}},
    ]]),
    ("2.4", PARAMS + ("+",), [dict({"name": "P", "type": "FLOAT"}, **x) for x in [
        {}, {"default": 1}, {"default": 1.5}, {"default": "1.5"}, {"default": "1e3"}, {"default": "a"}, {"default": True}, {"default": ""}, {"minValue": 2, "default": 1.5}, {"maxValue": "2.5", "default": 2.6},
        {"minValue": 3, "maxValue": 2}, {"allowedValues": [1, 2.5, "3.5"]}, {"allowedValues": [1.5], "default": 1.5}, {"allowedValues": [1.5], "default": 1.25}, {"allowedValues": []}, {"allowedValues": ["x"]},
        {"userInterface": {"control": "SPIN_BOX", "decimals": 2, "singleStepDelta": 0.5}}, {"userInterface": {"decimals": 2}}, {"userInterface": {"control": "SPIN_BOX", "decimals": 0}},
        {"userInterface": {"control": "HIDDEN", "decimals": 2}}, {"userInterface": {"control": "SPIN_BOX", "decimals": 1.5}}, {"userInterface": {"control": "SPIN_BOX", "singleStepDelta": 0}},
    ]]),
    ("2.9", PARAMS + ("+",), [dict({"name": "P", "type": "BOOL"}, **x) for x in
        [{"default": v} for v in [True, False, 1, 0, 1.0, 0.0, "true", "YES", "off", "1", "2", 2, 0.5, "maybe", [], None]]
        + [{}, {"allowedValues": [True]}, {"userInterface": {"control": "CHECK_BOX"}}, {"userInterface": {"control": "LINE_EDIT"}}]]),
    ("2.10", PARAMS + ("+",), [dict({"name": "P", "type": "RANGE_EXPR"}, **x) for x in
        [{"default": v} for v in ["1-10", "1", "1-10:2,20", "", "a", "10-1", 5, "1-5,3-7"]] + [{}, {"minLength": 1}, {"maxLength": 10}, {"allowedValues": ["1"]}]]),
    ("2.11", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[STRING]"}, **x) for x in
        [{}, {"default": []}, {"default": ["a", "b"]}, {"default": [1]}, {"default": "a"}, {"default": ["a"], "minLength": 2}, {"default": ["a", "b"], "maxLength": 1},
         {"item": {"allowedValues": ["a"]}, "default": ["a"]}, {"item": {"allowedValues": ["a"]}, "default": ["b"]}, {"item": {"minLength": 2}, "default": ["a"]}, {"item": {"maxLength": 1}, "default": ["ab"]},
         {"item": {"minValue": 1}}, {"item": {}}, {"allowedValues": ["a"]}, {"userInterface": {"control": "LINE_EDIT_LIST"}}]]),
    ("2.12", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[PATH]"}, **x) for x in
        [{}, {"default": ["a"]}, {"objectType": "FILE", "dataFlow": "OUT"}, {"objectType": "X"}, {"item": {"minLength": 3}, "default": ["a"]}, {"default": [3]}]]),
    ("2.13", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[INT]"}, **x) for x in
        [{}, {"default": [1, 2]}, {"default": ["1"]}, {"default": [1.5]}, {"default": [True]}, {"item": {"minValue": 2}, "default": [1]}, {"item": {"maxValue": 2}, "default": [3]}, {"item": {"allowedValues": [1]}, "default": [2]},
         {"item": {"minLength": 2}}, {"default": 1}, {"minLength": 1, "default": []}, {"default": [9223372036854775807]}]]),
    ("2.14", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[FLOAT]"}, **x) for x in
        [{}, {"default": [1, 2.5]}, {"default": ["1.5"]}, {"default": [True]}, {"item": {"minValue": 2.5}, "default": [2]}, {"item": {"allowedValues": [1.5]}, "default": [1.5]}]]),
    ("2.15", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[BOOL]"}, **x) for x in
        [{}, {"default": [True, 0, "yes"]}, {"default": ["x"]}, {"default": True}, {"item": {}}, {"maxLength": 1, "default": [True, False]}]]),
    ("2.16", PARAMS + ("+",), [dict({"name": "P", "type": "LIST[LIST[INT]]"}, **x) for x in
        [{}, {"default": [[1], []]}, {"default": [1]}, {"default": [["a"]]}, {"item": {"minLength": 1}, "default": [[]]}, {"item": {"item": {"maxValue": 1}}, "default": [[2]]}, {"item": {"item": {"allowedValues": [1]}}, "default": [[1, 1]]}]]),
    ("2", PARAMS + ("+",), [{"name": "P", "type": t} for t in ["List[Int]", "range_expr", "LIST[LIST[LIST[INT]]]", "CHUNK[INT]", "LIST"]]),
    ("1.1", ("steps",), [[], {}, None, GONE]),
    ("3.1", STEP + ("name",), ["", long(64), long(65), long(512), long(513), "Two", "a\nb", "é", 3, GONE]),
    ("3", STEP + ("other",), [1]),
    ("3", STEP + ("description",), ["x", ""]),
    ("3", STEP + ("script",), [GONE, None, {}, 3]),
    ("3.2", ("steps", 1, "dependencies"), [[], None, [{"dependsOn": "Two"}], [{"dependsOn": "Nope"}], [{"dependsOn": "One"}, {"dependsOn": "One"}], [{}], ["One"], [{"dependsOn": "One", "x": 1}]]),
    ("3.2", STEP + ("dependencies",), [[{"dependsOn": "Two"}]]),
    ("3", STEP + ("stepEnvironments",), [[], [{"name": "JobEnv", "variables": {"A": "b"}}], [{"name": "X", "variables": {"A": "b"}}, {"name": "X", "variables": {"A": "b"}}]]),
    ("3.3", HOST, [{}, {"amounts": []}, {"attributes": []}, {"other": []}, {"amounts": [{"name": "amount.a", "min": 1}] + [{"name": "amount.a%d" % i, "min": 1} for i in range(49)]},
        {"amounts": [{"name": "amount.a%d" % i, "min": 1} for i in range(51)]},
        {"amounts": [{"name": "amount.a", "min": 1}, {"name": "AMOUNT.A", "min": 1}]}, {"attributes": [{"name": "attr.a", "anyOf": ["b"]}, {"name": "attr.A", "anyOf": ["b"]}]}]),
    ("3.3.1", HOST + ("amounts", 0), [dict({"name": "amount.x"}, **x) for x in [{}, {"min": 0}, {"min": -1}, {"max": 0}, {"max": 1}, {"min": 2, "max": 1}, {"min": "2"}, {"min": "{{Param.Int}}"}, {"min": "x"},
        {"min": 1.5, "max": 1.5}, {"max": "{{Param.Float}}"}, {"min": True}, {"min": None}, {"min": "1", "max": "0.5"}, {"min": 1, "x": 2}, {"max": "{{Task.Param.A}}"}, {"max": -1}]]),
    ("3.3.1.1", HOST + ("amounts", 0, "name"), ["amount.x", "amount.x.y", "vendor:amount.x", "AMOUNT.Worker.VCPU", "amount.worker.memory", "amount.worker.gpu.memory", "amount.worker.disk.scratch", "amount.worker.other", "amount.job.x", "amount.step.x",
        "amount.task.x", "amount", "amount.", "amount.x.", "attr.x", "x", "amount.1x", "a b:amount.x", "vendor:amount.worker.vcpu", "amount.workers", "amount." + long(93), "amount." + long(94), "", "amount.x-y", "vendor:attr.x", 3, "v:w:amount.x"]),
    ("3.3.2", HOST + ("attributes", 0), [dict({"name": "attr.x"}, **x) for x in [{}, {"anyOf": []}, {"anyOf": ["a"] * 50}, {"anyOf": ["a"] * 51}, {"allOf": ["a", "b"]}, {"anyOf": ["a"], "allOf": ["b"]}, {"anyOf": "a"}, {"anyOf": [1]},
        {"anyOf": [""]}, {"anyOf": ["1a"]}, {"anyOf": ["_a-1"]}, {"anyOf": ["a b"]}, {"anyOf": [long(100)]}, {"anyOf": [long(101)]}, {"anyOf": ["{{Param.Str}}"]}, {"anyOf": ["{{Param.Path}}"]}, {"anyOf": ["é"]}]]),
    ("3.3.2.1", HOST + ("attributes", 0, "name"), ["attr.x", "vendor:attr.x.y", "attr.worker.cpu.arch", "attr.worker.x", "amount.x", "attr.step.a", "attr.", "attr.worker.os.family"]),
    ("3.3.2", HOST + ("attributes", 0), [{"name": "attr.worker.os.family", "anyOf": ["linux", "WINDOWS", "macos"]}, {"name": "attr.worker.os.family", "anyOf": ["bsd"]}, {"name": "attr.worker.os.family", "allOf": ["linux", "windows"]},
        {"name": "attr.worker.cpu.arch", "allOf": ["x86_64"]}, {"name": "attr.worker.cpu.arch", "anyOf": ["arm64", "x86_64"]}, {"name": "attr.worker.cpu.arch", "anyOf": ["ppc"]}]),
    ("3.4", SPACE, [{}, None, {"taskParameterDefinitions": []}, {"combination": "A"}]),
    ("3.4.3", SPACE + ("combination",), ["A * B * C", "A*B*C", "(A,B,C)", "A", "A * B", "A * B * C * D", "A * A * B * C", "", "(A, B", "A B C", "(A) * B * C", "((A, B)) * C", "A, B * C", "* A * B * C", "A * B * C *", "A + B * C", "()", "(A,B) (C)", "A * (B , C)",
        "A * (B * C)", "(A * B, C)", "A\n* B * C", None, 3]),
    ("3.4.1", SPACE + ("taskParameterDefinitions", 0), [
        {"name": "A", "type": "INT", "range": r} for r in ["1-4", "1,2,3,4", " 1 - 4 ", "4-1:-1", "-3-0", "1-4:0", "a", "", "1-", "1,,2", "1-2,2-3", "1-4:1", "{{Param.Int}}-7", "{{Param.Nope}}", [1, 2, 3, "4"], [1, 2, 3, "{{Param.Int}}"], [1, 2, 3, 4.0], [1.5], ["a"], [], [True, 1, 2, 3],
            5, [None], "1\n,2,3,4", "1-1000000000000,2000000000000", [1, 2, 3, ""], [1, 2, 3, "4.0"], [9223372036854775807, 1, 2, 3]]] + [
        {"name": "A", "type": "INT"}, {"name": "A", "range": "1-4"}, {"name": "B", "type": "INT", "range": "1-4"}, {"name": "A", "type": "INT", "range": "1-4", "x": 1}, {"name": "A", "type": "int", "range": "1-4"}, {"name": "A", "type": "BOOL", "range": "1-4"},
        {"name": "A", "type": "INT", "range": list(range(1024))}, {"name": "A", "type": "INT", "range": list(range(1025))}, {"name": "1A", "type": "INT", "range": "1-4"}]),
    ("3.4.1.2", SPACE + ("taskParameterDefinitions", 2), [{"name": "C", "type": "FLOAT", "range": r} for r in [[1, "2.5", 3.5], ["a"], "1-3", ["{{Param.Float}}"], [], [True], "{{[1.5, 2]}}", ["1e3"], [""], [None]]]),
    ("3.4.1.3", SPACE + ("taskParameterDefinitions", 1), [{"name": "B", "type": t, "range": r} for t in ["STRING", "PATH"] for r in [["a", "b", "c", "d"], ["", "b", "c", "d"], [long(1024), "b", "c", "d"], [1, 2, 3, 4], "a", "{{Param.Str}}", ["{{Param.Path}}", "b", "c", "d"], ["{{RawParam.Path}}", "b", "c", "d"]]]),
    ("3.4.1.5", SPACE + ("taskParameterDefinitions", 2), [{"name": "C", "type": "CHUNK[INT]", "range": "1-10", "chunks": c} for c in [
        {"defaultTaskCount": 2, "rangeConstraint": "CONTIGUOUS"}, {"defaultTaskCount": 0, "rangeConstraint": "CONTIGUOUS"}, {"defaultTaskCount": "3", "rangeConstraint": "NONCONTIGUOUS"}, {"defaultTaskCount": "{{Param.Int}}", "rangeConstraint": "CONTIGUOUS"},
        {"defaultTaskCount": 2, "rangeConstraint": "OTHER"}, {"defaultTaskCount": 2}, {"rangeConstraint": "CONTIGUOUS"}, {"defaultTaskCount": 2, "rangeConstraint": "CONTIGUOUS", "targetRuntimeSeconds": 0}, {"defaultTaskCount": 2, "rangeConstraint": "CONTIGUOUS", "targetRuntimeSeconds": -1},
        {"defaultTaskCount": 2, "rangeConstraint": "CONTIGUOUS", "targetRuntimeSeconds": "60"}, {"defaultTaskCount": 1.5, "rangeConstraint": "CONTIGUOUS"}, {"defaultTaskCount": "x", "rangeConstraint": "CONTIGUOUS"}, {}, 3]]
        + [{"name": "C", "type": "CHUNK[INT]", "range": "1-10"}, {"name": "C", "type": "INT", "range": "1-10", "chunks": {"defaultTaskCount": 2, "rangeConstraint": "CONTIGUOUS"}}]),
    ("3.5", STEP + ("script", "actions"), [{}, {"onRun": {}}, {"onEnter": {"command": "a"}}, {"onRun": {"command": "a"}, "onExit": {"command": "a"}}]),
    ("5.1", RUN + ("command",), ["", "a\nb", "{{Task.Param.A}}", "{{Task.Param.Nope}}", "{{Env.File.Run}}", "{{Param.Path}}", "{{Session.PathMappingRulesFile}}", "{{Session.Nope}}", 3, GONE, "{{Task.File.F}}", "{{Task.File.G}}", "{{Step.Name}}", "{{Job.Name}}"]),
    ("5.2", RUN + ("args",), [[], None, ["", "a"], ["a\nb"], ["a\tb"], ["a\x01b"], "a", [1], ["{{Param.Nope}}"], ["{{Task.RawParam.A}}"]]),
    ("5", RUN + ("timeout",), [1, 0, -1, "1", "0", "a", 1.5, 1.0, "{{Param.Int}}", "{{Task.Param.A}}", "{{Session.WorkingDirectory}}", None, True]),
    ("5.3", RUN + ("cancelation",), [{"mode": "TERMINATE"}, {"mode": "OTHER"}, {}, {"mode": "TERMINATE", "notifyPeriodInSeconds": 1}, {"mode": "NOTIFY_THEN_TERMINATE"}, {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 0}, {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 600},
        {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 601}, {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": "5"}, {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": "{{Param.Int}}"}, {"mode": "NOTIFY_THEN_TERMINATE", "x": 1}, "TERMINATE", None,
        {"mode": "{{Param.Str}}"}]),
    ("5", RUN + ("other",), [1]),
    ("6.1", FILES, [[], None, [{"name": "F", "type": "TEXT", "data": "a"}, {"name": "F", "type": "TEXT", "data": "a"}]]),
    ("6.1", FILES + (0,), [dict({"name": "F", "type": "TEXT", "data": "a"}, **x) for x in [{}, {"type": "BINARY"}, {"data": ""}, {"data": "{{Task.Param.A}}"}, {"data": "{{Env.File.Run}}"}, {"filename": ""}, {"filename": "a/b"}, {"filename": "a\\b"}, {"filename": long(64)}, {"filename": long(65)},
        {"filename": long(256)}, {"filename": long(257)}, {"runnable": "yes"}, {"runnable": 1}, {"runnable": False}, {"endOfLine": "LF"}, {"endOfLine": "CR"}, {"endOfLine": "AUTO"}, {"x": 1}, {"filename": "{{Param.Str}}"}, {"data": 3}]]
        + [{"name": "F", "type": "TEXT"}, {"name": "F", "data": "a"}, {"type": "TEXT", "data": "a"}]),
    ("4", ENV, [{"name": "E"}, {"name": "E", "variables": {}}, {"name": "E", "variables": {"A": ""}}, {"variables": {"A": "b"}}, {"name": "", "variables": {"A": "b"}}, {"name": long(64), "variables": {"A": "b"}}, {"name": long(65), "variables": {"A": "b"}}, {"name": "StepEnv", "variables": {"A": "b"}},
        {"name": "E", "variables": {"A": "b"}, "description": ""}, {"name": "E", "variables": {"A": "b"}, "x": 1}, {"name": "E", "variables": {"A": 1}}, {"name": "E", "variables": {"1A": "b"}}, {"name": "E", "variables": {"": "b"}}, {"name": "E", "variables": {long(256): "b"}}, {"name": "E", "variables": {long(257): "b"}},
        {"name": "E", "variables": {"A-B": "b"}}, {"name": "E", "variables": {"A": long(2048)}}, {"name": "E", "variables": {"A": long(2049)}}, {"name": "E", "variables": {"A": "{{Task.Param.A}}"}}, {"name": "E", "variables": {"A": "{{Param.Path}}"}}, {"name": "E", "variables": {"A": None}},
        {"name": "E", "script": {}}, {"name": "E", "script": {"actions": {}}}, {"name": "E", "script": {"actions": {"onEnter": {"command": "a"}}}}, {"name": "E", "script": {"actions": {"onExit": {"command": "a"}}}}, {"name": "E", "script": {"actions": {"onRun": {"command": "a"}}}},
        {"name": "E", "script": {"actions": {"onEnter": {"command": "{{Env.File.X}}"}}}}, {"name": "E", "script": {"actions": {"onEnter": {"command": "{{Task.File.F}}"}}}}, {"name": "E", "script": {"actions": {"onEnter": {"command": "{{Session.WorkingDirectory}}"}}}},
        {"name": "E", "script": {"actions": {"onEnter": {"command": "a"}, "onWrapTaskRun": {"command": "a"}}}}]),
    ("1.1", ("jobEnvironments",), [[], None, [{"name": "X", "variables": {"A": "b"}}, {"name": "X", "variables": {"A": "b"}}]]),
    ("3.6", STEP + ("let",), [["x = 1"], [], ["x"], ["X = 1"], ["x = "], ["x = 1", "x = 2"], ["x = 1", "y = x + 1"], ["x = Param.Int * 2"], ["x = Param.Path"], ["x = RawParam.Path"], ["x = Task.Param.A"], ["x = nope"], ["_x = 1"], ["x = 'a' + 1"], ["x = [y for y in [1]]", "y = 2"], ["x = Session.WorkingDirectory"],
        ["x%d = %d" % (i, i) for i in range(50)], ["x%d = %d" % (i, i) for i in range(51)], "x = 1", [1], ["x == 1"], ["x = Step.Name"], ["x = Job.Name"], ["if = 1"], ["x = apply_path_mapping('/a')"], [long(512) + " = 1"], [long(513) + " = 1"], None]),
    ("3.6", STEP + ("script", "let"), [["x = Task.Param.A"], ["x = Task.File.F"], ["x = Session.WorkingDirectory / 'a'"], ["x = Env.File.Run"], ["x = apply_path_mapping('/a')"], ["x = Param.Path.stem"]]),
    ("3.6", ENV + ("script", "let"), [["x = Env.File.Run"], ["x = Task.Param.A"], ["x = Session.WorkingDirectory"], ["x = Step.Name"], ["x = Job.Name"]]),
    ("E1", RUN + ("args",), [["{{%s}}" % e] for e in ["1 + 1", "Task.Param.A + 1", "Task.Param.B + 1", "Param.Path.stem", "Param.Str.stem", "Param.Int.upper()", "len(Param.Str)", "len(Param.Int)", "Param.Str if Param.Int > 1 else null", "null", "['a', Param.Str]", "[1, 'a']", "[[1]]",
        "Param.Path / 'x'", "Param.Str / 'x'", "Session.HasPathMappingRules and 1", "Session.WorkingDirectory + '.x'", "[x for x in [1, 2]]", "[x for x in Param.Int]", "nope(1)", "Param.Nope", "Param.Int if Param.Str else 1", "1 if true else Param.Nope", "fail('x')", "Param.Int > 1 or fail('x')", "Param.Str.split(',')[0]",
        "Param.Int[0]", "re_match(Param.Str, '(')", "Param.Float ** 2", "'{{' + '}'", "sorted(Param.Str.split(','))", "apply_path_mapping(Param.Str)", "apply_path_mapping(Param.Path)", "Task.RawParam.C * 2", "x", "not Param.Int", "Param.Str in ['a']", "Param.Int in ['a']", "Param.Path.with_number(Task.Param.A)", "Step.Name + Job.Name", "1 ++ 2", "1 +", "lambda: 1", "a.b", "Param.Str.x()"]]),
    ("E1", STEP + ("script", "actions", "onRun", "timeout"), ["{{Param.Int * 2}}", "{{Param.Str}}", "{{Param.Float}}", "{{null}}", "{{Session.WorkingDirectory}}", "{{[1]}}", "{{Param.Int if Param.Int > 1 else null}}"]),
    ("E1", SPACE + ("taskParameterDefinitions", 0, "range"), ["{{Param.Int}}-{{Param.Int + 3}}", "{{range(4)}}", "{{range_expr('1-4')}}", "{{['a']}}", "{{Param.Str}}", "{{1.5}}", "{{[1.5]}}", "{{Param.Path}}", "{{null}}"]),
    ("E1", HOST + ("attributes", 0), [{"name": "attr.x", "anyOf": [x]} for x in ["{{['a', 'b']}}", "{{null}}", "{{Param.Int}}", "{{[1]}}"]]),
    ("E1", HOST + ("amounts", 0, "min"), ["{{Param.Int * 2}}", "{{Param.Str}}", "{{null}}", "{{'x'}}", "{{Param.Float}}"]),
    ("8", STEP + ("bash",), [{"script": "a"}]),
    ("4", ENV + ("script", "actions", "onEnter", "command"), ["{{Job.Name}}", "{{Step.Name}}", "{{Env.File.Run.stem}}"]),
]

SUGAR = [{"script": "echo"}, {"script": ""}, {}, {"script": "a", "args": ["b", "{{Task.Param.A}}"]}, {"script": "a", "args": []}, {"script": "a", "timeout": 5}, {"script": "a", "timeout": "{{Param.Int}}"},
    {"script": "a", "cancelation": {"mode": "TERMINATE"}}, {"script": "a", "embeddedFiles": []}, {"script": "a", "let": ["x = 1"]}, {"script": "{{x}}", "let": ["x = Task.Param.A"]}, {"script": "{{Task.File.F}}"}, {"script": 3}, {"script": "a", "command": "b"}]

ENVIRONMENTS = [
    {}, {"environment": GONE}, {"parameterDefinitions": []}, {"parameterDefinitions": [{"name": "P%d" % i, "type": "INT"} for i in range(50)]}, {"parameterDefinitions": [{"name": "P%d" % i, "type": "INT"} for i in range(51)]},
    {"name": "x"}, {"extensions": ["EXPR"]}, {"extensions": []}, {"extensions": ["FEATURE_BUNDLE_1"], "parameterDefinitions": [{"name": "P%d" % i, "type": "INT"} for i in range(51)]}, {"$schema": "x"}, {"steps": []},
    {"environment": {"name": "E", "variables": {"A": "{{Param.P}}"}}}, {"environment": {"name": "E", "variables": {"A": "{{Job.Name}}"}}}, {"extensions": ["EXPR"], "environment": {"name": "E", "variables": {"A": "{{Job.Name}}"}}},
    {"extensions": ["EXPR"], "environment": {"name": "E", "variables": {"A": "{{Step.Name}}"}}}, {"parameterDefinitions": [{"name": "P", "type": "PATH"}], "environment": {"name": "E", "variables": {"A": "{{Param.P}}"}}},
    {"extensions": ["WRAP_ACTIONS", "EXPR"], "environment": {"name": "E", "script": {"actions": {k: {"command": "{{WrappedAction.Command}}", "args": ["{{WrappedAction.Args}}"]} for k in ["onWrapEnvEnter", "onWrapTaskRun", "onWrapEnvExit"]}}}},
    {"extensions": ["WRAP_ACTIONS", "EXPR"], "environment": {"name": "E", "script": {"actions": {k: {"command": "a"} for k in ["onWrapEnvEnter", "onWrapTaskRun"]}}}},
    {"extensions": ["WRAP_ACTIONS", "EXPR"], "environment": {"name": "E", "script": {"actions": {"onEnter": {"command": "{{WrappedAction.Command}}"}}}}},
    {"extensions": ["WRAP_ACTIONS"], "environment": {"name": "E", "script": {"actions": {k: {"command": "a"} for k in ["onWrapEnvEnter", "onWrapTaskRun", "onWrapEnvExit"]}}}},
    {"extensions": ["EXPR"], "environment": {"name": "E", "script": {"actions": {k: {"command": "a"} for k in ["onWrapEnvEnter", "onWrapTaskRun", "onWrapEnvExit"]}}}},
    {"extensions": ["WRAP_ACTIONS", "EXPR"], "environment": {"name": "E", "script": {"actions": {k: {"command": "{{WrappedEnv.Name}}"} for k in ["onWrapEnvEnter", "onWrapTaskRun", "onWrapEnvExit"]}}}},
]


def all_cases():
    """Yields (name, template, whether it is a job template)."""
    for extensions in ([], ["FEATURE_BUNDLE_1"], ["TASK_CHUNKING"], ["EXPR"], ALL):
        good = base(extensions)
        # A step that uses a chunk has no ( , ) around it.
        label = "+".join(extensions) or "base"
        yield label, good, True
        for clause, path, values in CHANGES:
            for i, value in enumerate(values):
                try:
                    t = changed(good, (path, value))
                except (KeyError, IndexError, TypeError):
                    continue
                where = ".".join(str(k) for k in path)
                yield "%s §%s %s #%d" % (label, clause, where, i), t, True
        for key in ("python", "bash", "cmd", "powershell", "node", "perl"):
            for i, value in enumerate(SUGAR):
                yield "%s §8 %s #%d" % (label, key, i), changed(good, (STEP + ("script",), GONE), (STEP + (key,), value)), True
        for n in (50, 51, 200, 201):
            yield "%s §1.1 %d parameters" % (label, n), changed(good, (PARAMS, [{"name": "Str", "type": "STRING"}, {"name": "Int", "type": "INT"}, {"name": "Path", "type": "PATH"}] + [{"name": "P%d" % i, "type": "INT"} for i in range(n - 3)])), True
        for n in (16, 17):
            yield "%s §3.4 %d task parameters" % (label, n), changed(good, (SPACE, {"taskParameterDefinitions": [{"name": c, "type": "INT", "range": "1-2"} for c in "ABCDEFGHIJKLMNOPQ"[:n]]})), True
    for i, change in enumerate(ENVIRONMENTS):
        t = {"specificationVersion": "environment-2023-09", "environment": {"name": "E", "variables": {"A": "b"}}}
        for key, value in change.items():
            if value is GONE:
                t.pop(key, None)
            else:
                t[key] = value
        yield "environment template #%d" % i, t, False
