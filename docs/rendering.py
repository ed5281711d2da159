"""How formulas and references are rendered.

Formulas are MathML, which browsers draw by themselves: no script, and nothing to load.  References in
docstrings are numbered; numpydoc makes their labels unique, and shortens them in lists, but not in texts that
MyST reads.
"""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

UNIQUE = re.compile(r"\[R[0-9a-f]{8,}-(\w+)\]")


def visit_math(self, node):
    """Write a formula in a line."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def visit_displaymath(self, node):
    """Write a formula on a line of its own."""
    self.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def shorten_references(app, document, name):
    """Replace ``[R134f673a2670-1]`` by ``[1]``."""
    for text in list(document.findall(nodes.Text)):
        if UNIQUE.search(text):
            text.parent.replace(text, nodes.Text(UNIQUE.sub(r"[\1]", text)))


def setup(app):
    """Register the renderer under the name that ``html_math_renderer`` takes."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.connect("doctree-resolved", shorten_references)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
