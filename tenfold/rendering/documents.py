"""Layouts of documents: pages in columns, receipts, tables and forms; plain words to measure who reads what size."""

from __future__ import annotations

from typing import Any

from tenfold.rendering.assets import Composition
from tenfold.rendering.colours import NAMED, mixed
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import fitted, line_height, wrapped

Facts = dict[str, Any]
RULE = (150, 152, 158)


def columns(page: Composition, colour_name: str) -> Facts:
    """Draw a page: a title over the whole width, then one to three columns of text."""
    canvas = page.canvas
    ink = NAMED["black"]
    margin = round(12 * page.unit)
    inner = canvas.width - 2 * margin
    title = page.title(page.whole(2, 3))
    style = fitted(title, page.document_font, NAMED[page.colour_on(NAMED["white"])], width=inner, largest=2 * page.body)
    canvas.next_block()
    canvas.write(title, margin, margin, style, role="title")
    top = margin + line_height(style) + round(3 * page.unit)
    canvas.rule(margin, top, canvas.width - margin, top, RULE)
    text = page.style(ink)
    leading = round(1.08 * line_height(text))
    widest = max(1, min(3, inner // (8 * page.body)))
    count = max(page.whole(1, widest), page.whole(1, widest))  # more columns more often
    gutter = round(1.4 * page.body)
    width = (inner - (count - 1) * gutter) // count
    rows = (canvas.height - margin - top - round(5 * page.unit)) // leading
    for column in range(count):
        canvas.next_block()
        x = margin + column * (width + gutter)
        longest = max(3, round(1.5 * width / page.body))
        lines = wrapped(page.words(min(8 * rows, 200), longest=min(longest, 12)), text, width)
        last = rows if column < count - 1 else page.whole(max(1, rows // 2), rows)
        for row, line in enumerate(lines[:last]):
            canvas.write(line, x, top + round(5 * page.unit) + row * leading, text)
    return {"title": title, "columns": count}


def receipt(page: Composition, colour_name: str) -> Facts:
    """Draw a receipt: company, address, date, items with prices, subtotal, tax and total."""
    canvas, ink = page.canvas, NAMED["black"]
    side = round(page.whole(24, 34) * page.unit)
    canvas.panel((side, 0, canvas.width - side, canvas.height), (250, 249, 244))
    left, right = side + round(12 * page.unit), canvas.width - side - round(12 * page.unit)
    text = page.style(ink)
    leading = line_height(text)
    company = f"{page.title(2, longest=8)} {page.pick(('Ltd', 'Stores', 'Cafe', 'Market'))}".upper()
    address, date = (
        f"{page.whole(1, 99)} {page.title(1, longest=8)} {page.pick(('Street', 'Road', 'Lane'))}",
        page.date(),
    )
    y = round(8 * page.unit)
    canvas.next_block()
    for line, role, scale in ((company, "company", 1.15), (address, "address", 1.0), (f"Date {date}", "date", 1.0)):
        style = fitted(line, page.document_font, ink, width=right - left, largest=round(scale * page.body))
        canvas.write(line, (left + right) // 2, y, style, role=role, anchor="middle")
        y += line_height(style)
    y = _dashes(page, left, right, y)
    rows = (canvas.height - round(10 * page.unit) - y - 4 * leading - 4) // leading
    if rows < 1:
        raise TextDoesNotFit(f"a receipt of {canvas.width}×{canvas.height} has no room at {page.body} px per em")
    most = min(rows, 6)
    items = [(page.title(1, longest=8), page.price()) for _ in range(page.whole(max(1, most - 2), most))]
    canvas.next_block()
    for name, price in items:
        y = _row(page, name, price, (left, right), y, text, "item")
    y = _dashes(page, left, right, y)
    subtotal = sum(price for _, price in items)
    tax = round(0.06 * subtotal)
    canvas.next_block()
    for label, amount in (("Subtotal", subtotal), ("Tax 6%", tax), ("TOTAL", subtotal + tax)):
        y = _row(page, label, amount, (left, right), y, text, label.split()[0].casefold())
    sums = {"subtotal": _money(subtotal), "tax": _money(tax), "total": _money(subtotal + tax)}
    listed = [{"name": name, "price": _money(price)} for name, price in items]
    return {"company": company, "address": address, "date": date, "items": listed, **sums}


def table(page: Composition, colour_name: str) -> Facts:
    """Draw a table: a caption, a head in colour, and rows of one word and whole numbers."""
    canvas, unit = page.canvas, page.unit
    ink, head = NAMED["black"], NAMED[page.pick(("navy", "teal", "purple", "green", "brown"))]
    margin = round(10 * unit)
    count = 3 if canvas.width - 2 * margin >= 15 * page.body else 2
    width = (canvas.width - 2 * margin) // count
    text = page.style(ink)
    caption = page.title(2, longest=8)
    canvas.next_block()
    style = fitted(caption, page.document_font, ink, width=canvas.width - 2 * margin, largest=round(1.3 * page.body))
    canvas.write(caption, margin, margin, style, role="title")
    top = margin + line_height(style) + round(4 * unit)
    row_height = round(1.35 * line_height(text))
    rows = min((canvas.height - margin - top) // row_height - 1, page.whole(5, 9))
    if rows < 1:
        raise TextDoesNotFit(f"a table of {canvas.width}×{canvas.height} has no room at {page.body} px per em")
    right = margin + count * width
    canvas.panel((margin, top, right, top + row_height), head)
    longest = max(3, int(1.45 * width / page.body) - 1)
    columns_ = [page.title(1, longest=longest) for _ in range(count)]
    names = [word.capitalize() for word in page.words(rows, longest=longest)]
    cells = [columns_, *([name, *(str(page.whole(1, 999)) for _ in range(count - 1))] for name in names)]
    for row, line in enumerate(cells):
        canvas.next_block()
        y = top + row * row_height
        for column, cell in enumerate(line):
            colour = NAMED["white"] if row == 0 else ink
            style = fitted(cell, page.document_font, colour, width=width - 2 * round(4 * unit), largest=page.body)
            x = margin + column * width + round(4 * unit)
            canvas.write(
                cell, x, y + (row_height - line_height(style)) // 2, style, role="head" if row == 0 else "cell"
            )
    for row in range(len(cells) + 1):
        canvas.rule(margin, top + row * row_height, right, top + row * row_height, RULE)
    for column in range(count + 1):
        canvas.rule(margin + column * width, top, margin + column * width, top + len(cells) * row_height, RULE)
    return {"caption": caption, "columns": columns_, "rows": cells[1:]}


def form(page: Composition, colour_name: str) -> Facts:
    """Draw a form: labels, and answers in boxes beside them."""
    canvas, unit, ink = page.canvas, page.unit, NAMED["black"]
    margin = round(12 * unit)
    title = f"{page.title(2, longest=8)} Form"
    tint = mixed(NAMED[page.pick(("blue", "green", "orange", "purple"))], (255, 255, 255), 0.86)
    style = fitted(title, page.document_font, ink, width=canvas.width - 2 * margin, largest=round(1.4 * page.body))
    canvas.next_block()
    canvas.write(title, margin, margin, style, role="title")
    y = margin + line_height(style) + round(8 * unit)
    text = page.style(ink)
    height = line_height(text) + round(6 * unit)
    pitch = height + round(6 * unit)
    rows = min((canvas.height - margin - y) // pitch, page.whole(4, 8))
    if rows < 1:
        raise TextDoesNotFit(f"a form of {canvas.width}×{canvas.height} has no room at {page.body} px per em")
    split = margin + round(0.38 * (canvas.width - 2 * margin))
    fields = {}
    for label in page.words(rows, longest=8):
        name = f"{label.capitalize()}:"
        value = page.pick((page.title(2, longest=7), page.date(), str(page.whole(1, 99999)), page.title(1)))
        fields[name[:-1]] = value
        canvas.next_block()
        beside = fitted(name, page.document_font, ink, width=split - margin - round(4 * unit), largest=page.body)
        canvas.write(name, margin, y + (height - line_height(beside)) // 2, beside, role="label")
        canvas.panel((split, y, canvas.width - margin, y + height), tint, border=RULE)
        inside = fitted(
            value,
            page.document_font,
            NAMED["navy"],
            width=canvas.width - margin - split - round(10 * unit),
            largest=page.body,
        )
        canvas.write(value, split + round(5 * unit), y + (height - line_height(inside)) // 2, inside, role="value")
        y += pitch
    return {"title": title, "fields": fields}


def plain_words(page: Composition, words: list[str]) -> Facts:
    """Draw given words in black, line by line: what measures which sizes an engine reads.

    Raises TextDoesNotFit if the canvas does not hold them all.
    """
    canvas, text = page.canvas, page.style(NAMED["black"])
    margin = max(4, round(8 * page.unit))
    leading = round(1.15 * line_height(text))
    lines = wrapped(words, text, canvas.width - 2 * margin)
    if margin + len(lines) * leading > canvas.height:
        raise TextDoesNotFit(f"{len(words)} words at {page.body} px do not fit {canvas.width}×{canvas.height}")
    canvas.next_block()
    for row, line in enumerate(lines):
        canvas.write(line, margin, margin + row * leading, text)
    return {"size": page.body}


def _row(page: Composition, name: str, amount: int, ends: tuple[int, int], y: int, style: TextStyle, role: str) -> int:
    """Draw a name at the left and an amount at the right, and return the next row's top."""
    left, right = ends
    name_style = fitted(name, style.font, style.colour, width=round(0.62 * (right - left)), largest=style.size)
    page.canvas.write(name, left, y, name_style, role=f"{role} name")
    page.canvas.write(_money(amount), right, y, style, role=f"{role} amount", anchor="right")
    return y + line_height(style)


def _dashes(page: Composition, left: int, right: int, y: int) -> int:
    y += 2
    page.canvas.rule(left, y, right, y, RULE, dashed=True)
    return y + 3


def _money(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
