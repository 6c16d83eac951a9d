"""The page's frame; everything that samples bring is escaped."""

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src '{{ style_digest }}'; \
script-src '{{ script_digest }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<a class="skip" href="#samples">Skip to the samples</a>
<header>
<h1>{{ title }}</h1>
{% for note in notes %}
<p>{{ note }}</p>
{% endfor %}
<p class="keys">Keys: <kbd>/</kbd> search, <kbd>j</kbd> and <kbd>k</kbd> next and previous sample, <kbd>Enter</kbd>
opens one, <kbd>e</kbd> opens all, <kbd>c</kbd> closes all.</p>
</header>
<details id="bar" open hidden>
<summary>Filters<span id="status" role="status"></span></summary>
<form id="filters">
<label class="search">Search the text
<input type="search" autocomplete="off" spellcheck="false"></label>
{% for name, counts in facets.items() %}
<label>{{ name }}
<select name="{{ name }}"><option value="">all</option>
{% for value, count in counts.items() %}
<option value="{{ value }}">{{ value or "(none)" }} ({{ count }})</option>
{% endfor %}
</select></label>
{% endfor %}
<div class="buttons"><button type="reset">Clear</button><button type="button" id="open">Open all</button><button \
type="button" id="close">Close all</button></div>
</form>
</details>
<main id="samples" tabindex="-1">
<p id="nothing" hidden>No sample fits these filters.</p>
{% for sample, images in samples %}
<article class="sample" data-facets="{{ json(sample.all_facets) }}">
<details{% if loop.first %} open{% endif %}>
<summary><h2>{{ sample.title }}</h2>
{% if sample.verdict %}
<span class="chip {{ sample.verdict.tone }}">{{ sample.verdict.word }}</span>
{% endif %}
{% if sample.facets %}
<span class="facets">{% for name, value in sample.facets.items() if value %}<span title="{{ name }}">{{ value }}</span>\
{% endfor %}</span>
{% endif %}
</summary>
<div class="body">
{% if sample.verdict and sample.verdict.reason %}
<p class="verdict"><span class="chip {{ sample.verdict.tone }}">{{ sample.verdict.word }}</span>\
{{ sample.verdict.reason }}</p>
{% endif %}
{% if images %}
<div class="images">
{% for image in images %}
<figure{% if image.tiny %} class="tiny"{% endif %}>
<div class="stack"><img src="{{ image.address }}" width="{{ image.width }}" height="{{ image.height }}" loading="lazy" \
alt="{{ image.of.caption or "image %d of the sample" % loop.index }}">
{% if image.of.boxes %}
<svg viewBox="0 0 {{ image.width }} {{ image.height }}" preserveAspectRatio="none" role="img" \
aria-label="boxes: {{ image.of.boxes | map(attribute="label") | join(", ") }}">
{% for box in image.of.boxes %}
<g class="{{ box.tone }}"><title>{{ box.label }}</title>
{% for kind, factor in (("halo", 3), ("edge", 1.5)) %}
<rect class="{{ kind }}" x="{{ box.left }}" y="{{ box.top }}" width="{{ box.right - box.left }}" \
height="{{ box.bottom - box.top }}" stroke-width="{{ image.stroke * factor }}"/>
{% endfor %}
{% if box.label %}
{% set right = box.left > 0.6 * image.width %}
<text x="{{ box.right if right else box.left }}"{% if right %} text-anchor="end"{% endif %} \
y="{{ [box.top - 2 * image.stroke, image.letters] | max }}" font-size="{{ image.letters }}" \
stroke-width="{{ image.letters / 5 }}">{{ box.label }}</text>
{% endif %}
</g>
{% endfor %}
</svg>
{% endif %}
</div>
{% if image.of.caption or image.reduced_to %}
<figcaption>{{ image.of.caption }}{% if image.reduced_to %} (shown at {{ image.reduced_to[0] }} × \
{{ image.reduced_to[1] }} of {{ image.width }} × {{ image.height }} pixels){% endif %}</figcaption>
{% endif %}
</figure>
{% endfor %}
</div>
{% endif %}
{% if sample.question %}
<h3>Question</h3>
<p class="text" dir="auto">{{ sample.question }}</p>
{% endif %}
{% if sample.options %}
<h3>Options</h3>
<ul class="options">
{% for option in sample.options %}
<li><bdi>{{ option.text }}</bdi>{% for mark in option.marks %}<span class="chip {{ option.tone }}">{{ mark }}</span>\
{% endfor %}</li>
{% endfor %}
</ul>
{% endif %}
{% for heading, messages in sample.rounds %}
{% if heading %}
<h3>{{ heading }}</h3>
{% endif %}
<div class="round">
{% for message in messages %}
<section class="message {{ message.tone }}{% if message.change %} changed{% endif %}">
<div class="who"><b>{{ message.speaker }}</b>{% if message.change %}<span class="chip {{ message.tone }}">\
{{ message.change }}</span>{% endif %}{% if message.tag %}<span class="tag">{{ message.tag }}</span>{% endif %}</div>
<p class="text" dir="auto">{{ message.text }}</p>
</section>
{% endfor %}
</div>
{% endfor %}
{% if sample.reply is not none or sample.reference is not none %}
<div class="compared">
{% if sample.reply is not none %}
<div><h3>Reply</h3><p class="text" dir="auto">{{ sample.reply }}</p></div>
{% endif %}
{% if sample.reference is not none %}
<div><h3>Reference</h3><p class="text" dir="auto">{{ sample.reference }}</p></div>
{% endif %}
</div>
{% endif %}
</div>
</details>
</article>
{% endfor %}
</main>
<script>{{ script | safe }}</script>
</body>
</html>
"""
