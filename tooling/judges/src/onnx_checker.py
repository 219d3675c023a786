"""The onnx package as a judge: checks each file in a folder fully, with strict shape inference, and prints one line of JSON a file."""

import json
import pathlib
import sys

import onnx

print(json.dumps({"version": onnx.__version__}), flush=True)
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    problem = None
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        known = {value.name for value in [*inferred.graph.value_info, *inferred.graph.output]}
        unknown = [name for node in model.graph.node for name in node.output if name and name not in known]
        if unknown:
            problem = f"shape inference gives no type to {', '.join(unknown[:5])}"
    except Exception as error:  # the checker's own words are the verdict
        problem = f"{type(error).__name__}: {error}"
    print(json.dumps({"file": path.name, "problem": problem}), flush=True)
