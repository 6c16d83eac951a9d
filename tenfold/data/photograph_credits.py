"""Whom to credit where a photograph is shown: the titles of the pages on Wikimedia Commons, with author and licence."""

from __future__ import annotations

from urllib.parse import quote

KODAK = "Kodak lossless true colour image suite"
PAGES = {
    "kodim": "https://r0k.us/graphics/kodak/",
    "china": "https://www.flickr.com/photos/danielbuechele/6061409035/",
    "flower": "https://www.flickr.com/photos/vultilion/6056698931/",
}
AUTHORS = {"kodim": KODAK, "china": "danielbuechele, CC BY 2.0", "flower": "vultilion, CC BY 2.0"}
COMMONS = {
    "commons_001": "08-2011. Panthera tigris tigris - Texas Park - Lanzarote -TP04.jpg",
    "commons_002": "89 - Vézelay Basilique 2.jpg",
    "commons_003": "125 - Québec - Pont de Québec de nuit - Septembre 2009.jpg",
    "commons_004": "205 - Vallée de Colca - Panorama - Juin 2010 - 5 de 6.jpg",
    "commons_005": "2011-03-05 03-13 Madeira 159 Funchal, Mercado dos Lavradores.jpg",
    "commons_006": "Abandoned Packard Automobile Factory Detroit 200.jpg",
    "commons_007": "Adventure with the Windmills.jpg",
    "commons_008": "Air Force Academy Chapel, Colorado Springs, CO 04090u original.jpg",
    "commons_009": "Albi, Cathédrale Sainte Cécile (3).jpg",
    "commons_010": "Bath from alexandra park.jpg",
    "commons_011": "Buenos Aires Cityline at Night - Irargerich.jpg",
    "commons_012": "Catedral de Toledo.Altar Mayor (huge).jpg",
    "commons_013": "Cecret Lake Panorama Albion Basin Alta Utah July 2009.jpg",
    "commons_014": "Citroen C4F.jpg",
    "commons_015": "Claudette 14 july 2003 1920Z.jpg",
    "commons_016": "Clovisfest.jpg",
    "commons_017": "Correfocs Festa Major del Clot 2009.jpg",
    "commons_018": "Crepuscular rays at Sunset near Waterberg Plateau.jpg",
    "commons_019": "Eaglefairy hst big.jpg",
    "commons_021": "Endeavour with Columbia Ferry Flyby - GPN-2000-001996.jpg",
    "commons_022": "Florac-Le Vibron-Source du Pêcher.jpg",
    "commons_023": "Fruits oranges, jardin japonais 2.JPG",
    "commons_024": "GrimburgwalAmsterdam.jpg",
    "commons_025": "IENA - Avenches - 6.jpg",
    "commons_026": "Kopenhagen, Tivoli-9120.jpg",
    "commons_027": "Krøyer PS.jpg",
    "commons_028": (
        "Lufthansa Aviation Center after sunset - Frankfurt - Germany - near Airport Frankfurt - Fraport - 03.jpg"
    ),
    "commons_030": "Moscow July 2011-4a.jpg",
    "commons_031": "Mural in Northeast Pavillion, Thomas Jefferson Building by Elmer E. Garnsey 11670u edit.jpg",
    "commons_032": "Nestor meridionalis -Rotorua, North Island, New Zealand-8a.jpg",
    "commons_033": (
        "Nymphe et Amour tenant une guirlande - Statues du Parterre d'Eau - Château de "
        "Versailles - P1050390-P1050394 - rectilinear.jpg"
    ),
    "commons_034": "Ohashi0806shield.jpg",
    "commons_035": "Production of B-24 bombers and C-87 transports2.jpg",
    "commons_036": "Reykjavík 03.jpg",
    "commons_039": "Southern pacific 1215.jpg",
    "commons_040": "ST vs RCT - December 2011 - 077.JPG",
    "commons_041": "Steinway Vienna panoramic.jpg",
    "commons_042": "Swallowtail 05 06 07.jpg",
    "commons_043": (
        "US Navy 091029-M-5645B-091 A landing craft, air cushion (LCAC) and the U.S. Coast Guard "
        "patrol boat Albacore are underway near Naval Station Norfolk.jpg"
    ),
    "commons_046": "Vid Gajsek - Rojstnodnevna referendumska kavica.jpg",
    "commons_047": "Washington Monument, Washington, D.C. 04037u original.jpg",
    "commons_048": "Wasserfassstelle von 1898 im Schanerloch.jpg",
    "commons_049": "White Dune - Mui Ne.jpg",
}


def credit(name: str) -> tuple[str, str]:
    """Return whom to credit for the photograph ``name``, and the page that says so; "" for one that is not known."""
    if name in COMMONS:
        page = quote(COMMONS[name].replace(" ", "_"), safe="")
        return f"Wikimedia Commons: {COMMONS[name]}", f"https://commons.wikimedia.org/wiki/File%3A{page}"
    kind = "kodim" if name.startswith("kodim") else name
    return AUTHORS.get(kind, ""), PAGES.get(kind, "")
