"""The layouts of the benchmark's pages: book jackets, playbills, pinboards, directories and programmes.

Each divides the page into places and fills them in an order that is drawn anew, whatever the texts say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tenfold.mmr.sheets import Sheet
from tenfold.rendering.canvas import Anchor
from tenfold.rendering.colours import NAMED, mixed
from tenfold.rendering.drawing import Box

Content = Literal["text", "object", "largest", ""]
TEXT: Content = "text"
OBJECT: Content = "object"
LARGEST: Content = "largest"
ANCHORS: tuple[Anchor, ...] = ("left", "middle", "right")
RULE = (150, 152, 158)


def jacket(sheet: Sheet) -> None:
    """Draw a book's jacket: title with subtitle, author, an emblem of one to four objects, and short phrases."""
    width, height = sheet.canvas.width, sheet.canvas.height
    margin = round(0.06 * width)
    if sheet.whole(0, 1):
        frame = (margin // 2, margin // 2, width - margin // 2, height - margin // 2)
        sheet.canvas.panel(frame, sheet.ground, border=mixed(sheet.ground, RULE, 0.8))
    sections: tuple[str, ...] = sheet.page.pick(
        (
            ("title", "emblem", "phrases", "author"),
            ("author", "title", "emblem", "phrases"),
            ("phrases", "emblem", "title", "author"),
            ("author", "emblem", "title", "phrases"),
            ("emblem", "title", "phrases", "author"),
        )
    )
    shares = {"title": 0.36, "emblem": 0.32, "phrases": 0.18, "author": 0.14}
    anchor = sheet.page.pick(ANCHORS)
    top = 0.0
    for section in sections:
        upper = margin + round(top * (height - 2 * margin))
        top += shares[section]
        box = (margin, upper, width - margin, margin + round(top * (height - 2 * margin)))
        if section == "title":
            titled(sheet, box, anchor=anchor)
        elif section == "author":
            sheet.text(sheet.author(), box, role="author", anchor=anchor)
        elif section == "emblem":
            emblem(sheet, box)
        else:
            for left in cells(box, 1, 2, gap=margin):
                sheet.text(sheet.phrase(), left)


def titled(sheet: Sheet, box: Box, *, anchor: Anchor) -> None:
    """Draw a title, and a subtitle right below it, in ``box``."""
    below = sheet.text(sheet.phrase(), box, size="largest", role="title", anchor=anchor, level=0.12)
    sheet.text(sheet.phrase(), (box[0], below, *box[2:]), size="second", role="subtitle", anchor=anchor, level=0)


def emblem(sheet: Sheet, box: Box) -> None:
    """Draw one to four objects in ``box``, in cells of two rows and three columns."""
    count = sheet.whole(1, 4)
    if count == 1:
        sheet.object(box, largest=0.45)
        return
    places = cells(box, 2, 3, gap=6)
    for place in sheet.page.generator.permutation(6)[:count].tolist():
        sheet.object(places[place], largest=0.16)


def playbill(sheet: Sheet) -> None:
    """Draw a poster: a title with its subtitle at the top, in the middle or at the bottom, and a grid around them."""
    width, height = sheet.canvas.width, sheet.canvas.height
    margin = round(0.05 * min(width, height))
    strip = round(0.32 * height)
    row = (height - 2 * margin - strip) // 2
    place = sheet.whole(0, 2)  # grid rows above the title
    bar = mixed(sheet.ground, NAMED[sheet.page.pick(("blue", "orange", "green", "purple"))], 0.55)
    for y in (0, height - margin // 2):
        sheet.canvas.panel((0, y, width, y + margin // 2), bar)
    upper = margin + place * row
    titled(sheet, (margin, upper, width - margin, upper + strip), anchor="middle")
    tops = [margin + line * row + (strip if line >= place else 0) for line in range(2)]
    places = [cell for top in tops for cell in cells((margin, top, width - margin, top + row), 1, 3, gap=margin)]
    last: tuple[Content, ...] = (OBJECT, TEXT, "")
    filled(sheet, places, [TEXT, TEXT, TEXT, OBJECT, OBJECT, sheet.page.pick(last)])


def pinboard(sheet: Sheet) -> None:
    """Draw cards on a board, in three rows and columns, with a text or an object on each."""
    width, height = sheet.canvas.width, sheet.canvas.height
    places = cells((8, 8, width - 8, height - 8), 3, 3, gap=4)
    objects = sheet.whole(4, 5)
    contents = [LARGEST, *[TEXT] * (8 - objects), *[OBJECT] * objects]
    order = sheet.page.generator.permutation(len(contents)).tolist()
    edge = mixed(sheet.ground, RULE, 0.9)
    for place, chosen in zip(places, order, strict=True):
        room = (place[2] - place[0]) // 12, (place[3] - place[1]) // 12
        left, top, right, bottom = (sheet.whole(0, room[axis % 2]) for axis in range(4))
        card = (place[0] + left, place[1] + top, place[2] - right, place[3] - bottom)
        sheet.canvas.panel(card, sheet.ground, border=edge, radius=4)
        pin = ((card[0] + card[2]) // 2, card[1] + 5)
        sheet.canvas.panel((pin[0] - 3, pin[1] - 3, pin[0] + 3, pin[1] + 3), mixed(edge, RULE, 0.5), radius=3)
        content(sheet, (card[0] + 8, card[1] + 12, card[2] - 8, card[3] - 8), contents[chosen])


def directory(sheet: Sheet) -> None:
    """Draw a sign board: rows of a pictogram and a text beside it, in one or two columns, pictograms left or right."""
    width, height = sheet.canvas.width, sheet.canvas.height
    margin = round(0.04 * min(width, height))
    board = (margin, margin, width - margin, height - margin)
    sheet.canvas.panel(board, sheet.ground, radius=12)
    inner = tuple(edge + inset for edge, inset in zip(board, (5, 5, -5, -5), strict=True))
    sheet.canvas.panel(
        (inner[0], inner[1], inner[2], inner[3]), sheet.ground, radius=9, border=mixed(sheet.ground, RULE, 0.9)
    )
    columns = 2 if width >= 1.15 * height else 1
    rows = sheet.whole(3, 4) if columns == 2 else sheet.whole(4, 5)
    box = (board[0] + 3 * margin // 2, board[1] + margin, board[2] - 3 * margin // 2, board[3] - margin)
    left_first = bool(sheet.whole(0, 1))
    largest = sheet.whole(0, rows * columns - 1)
    for number, cell in enumerate(cells(box, rows, columns, gap=margin)):
        side = min(round(0.34 * (cell[2] - cell[0])), cell[3] - cell[1])
        pictogram = (cell[0], cell[1], cell[0] + side, cell[3])
        beside = (cell[0] + side + 8, cell[1], cell[2], cell[3])
        if not left_first:
            pictogram, beside = (
                (cell[2] - side, cell[1], cell[2], cell[3]),
                (cell[0], cell[1], cell[2] - side - 8, cell[3]),
            )
        sheet.object(pictogram, largest=0.16)
        anchor: Anchor = "left" if left_first else "right"
        sheet.text(sheet.phrase(), beside, size="largest" if number == largest else "other", anchor=anchor)


def programme(sheet: Sheet) -> None:
    """Draw a document: a title with its subtitle, an author, rows of two texts with a rule below, and small objects."""
    width, height = sheet.canvas.width, sheet.canvas.height
    margin = round(0.06 * min(width, height))
    strip, foot = round(0.26 * height), round(0.1 * height)
    titled(sheet, (margin, margin, width - margin, margin + strip), anchor=sheet.page.pick(ANCHORS[:2]))
    author_first = bool(sheet.whole(0, 1))
    line = margin + strip if author_first else height - margin - foot
    sheet.text(sheet.author(), (margin, line, width - margin, line + foot), role="author", anchor="left")
    body_top = margin + strip + (foot if author_first else 0)
    body = (margin, body_top, width - margin, body_top + height - 2 * margin - strip - foot)
    rows = sheet.whole(3, 4)
    for row in cells(body, rows, 1, gap=0):
        sheet.canvas.rule(row[0], row[1], row[2], row[1], mixed(sheet.ground, RULE, 0.7))
        order = sheet.page.pick(((TEXT, TEXT), (OBJECT, TEXT), (TEXT, OBJECT), (TEXT, TEXT)))
        for place, kind in zip(cells((row[0], row[1] + 4, row[2], row[3] - 4), 1, 2, gap=margin), order, strict=True):
            content(sheet, place, kind)


def filled(sheet: Sheet, places: list[Box], contents: list[Content]) -> None:
    """Fill places with contents in an order drawn anew."""
    order = sheet.page.generator.permutation(len(contents)).tolist()
    for place, chosen in zip(places, order, strict=True):
        content(sheet, place, contents[chosen])


def content(sheet: Sheet, box: Box, kind: Content) -> None:
    """Draw a new text or object in ``box``, at a level drawn anew, or nothing."""
    if kind == "object":
        sheet.object(box, largest=0.26)
    elif kind:
        sheet.text(sheet.phrase(), box, size="largest" if kind == "largest" else "other", level=sheet.whole(2, 8) / 10)


def cells(box: Box, rows: int, columns: int, *, gap: int) -> list[Box]:
    """Return the cells of a grid over ``box``, row by row, ``gap`` pixels between them."""
    wide = (box[2] - box[0] - gap * (columns - 1)) // columns
    high = (box[3] - box[1] - gap * (rows - 1)) // rows
    corners = [
        (box[0] + column * (wide + gap), box[1] + row * (high + gap))
        for row in range(rows)
        for column in range(columns)
    ]
    return [(x, y, x + wide, y + high) for x, y in corners]


LAYOUTS: dict[str, Callable[[Sheet], None]] = {
    "jacket": jacket,
    "playbill": playbill,
    "pinboard": pinboard,
    "directory": directory,
    "programme": programme,
}
