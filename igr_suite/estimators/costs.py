"""Numbers of evaluations as formulas of an estimator's samples and its variables, such as "V(C-1)+1" (never imports
TensorFlow)."""

import ast
import operator
import re
from collections.abc import Mapping, Sequence

from igr_suite.errors import UserError

# A digit, a letter or a bracket followed by a letter or an opening bracket is a product.
PRODUCT = re.compile(r"(?<=[\dA-Z)])\s*(?=[A-Z(])")
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.floordiv}


def evaluate(formula: int | str, samples: int, shape: Sequence[int], auxiliary: int = 0) -> int:
    """Returns a number of evaluations.

    Args:
      formula: a number, or sums, products and quotients of numbers and of
        K: the number of samples;
        S: the number of auxiliary samples;
        V: the number of variables;
        C: the number of categories of each, 2 for Bernoulli variables.
      samples: K.
      shape: of one example's logits, (D,) for Bernoulli variables, (V, C) for categorical ones.
      auxiliary: S.
    Raises:
      UserError: the formula holds anything else.
    """
    if isinstance(formula, int):
        return formula
    variables, categories = (*shape, 2)[:2]
    try:
        tree = ast.parse(PRODUCT.sub("*", formula), mode="eval").body
        return _value(tree, {"K": samples, "S": auxiliary, "V": variables, "C": categories})
    except (KeyError, SyntaxError) as error:
        raise UserError(
            f"'{formula}' is not a number of evaluations; write it with K, S, V and C, as V(C-1)+1"
        ) from error


def _value(node: ast.expr, names: Mapping[str, int]) -> int:
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    raise KeyError(ast.dump(node))
