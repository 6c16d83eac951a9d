"""Common given names, so that a rule can tell the name of a person from other words in capitals."""

from __future__ import annotations

_LISTED = """
aaron adam adrian agatha ahmed alan albert alex alexander alexandra alfred ali alice allen amanda amy andrea andrew
angela anita ann anna anne annie anthony antonio arthur ashley barbara ben benjamin bernard beth betty beverly bill
billy bob bobby brandon brenda brian bruce bryan carl carla carlos carol caroline catherine cecilia charles charlotte
chen chris christian christina christine christopher claire clara claude colin cynthia daniel danielle david dawn
deborah denis dennis diana diane don donald donna dorothy douglas duncan dylan edgar edith edward eleanor elena eli
elizabeth ella ellen emily emma eric erica erik ernest esther ethan eugene eva evelyn fatima felix florence frances
francis frank fred frederick gabriel gary geoffrey george gerald gilbert giovanni gloria gordon grace graham greg
gregory guy hannah harold harriet harry harvey heather hector helen henry herbert hugh hugo ian igor ingrid irene
isaac isabel ivan jack jacob jacqueline james jamie jan jane janet jason jean jeff jeffrey jennifer jeremy jerry
jessica jim joan joe johan johannes john johnny jonathan jordan jorge jose joseph joshua joyce juan judith judy julia
julian julie justin karen karin karl kate katherine kathleen kathryn keith kelly ken kenneth kevin kim kimberly klaus
larry laura lauren lawrence lee leo leonard leslie lewis liam lillian linda lisa lois louis louise lucas lucy luis
luke lydia maggie marcus margaret maria marie marilyn mario mark martha martin mary matthew maurice maya megan melissa
michael michelle miguel mike mildred mohamed mohammed muhammad nadia nancy naomi natalie nathan neil nicholas nicole
nina noah nora norman oliver olivia omar oscar pamela patricia patrick paul paula peter philip phillip phyllis pierre
rachel ralph ray raymond rebecca richard rick rita robert robin roger roland ronald rosa rose roy russell ruth ryan
sally sam samantha samuel sandra sara sarah scott sean sebastian sharon shirley sidney simon sofia sonia sophia sophie
stanley stella stephanie stephen steve steven stuart sue susan sven sylvia tara teresa terry theodore theresa thomas
tim timothy tina todd tom tony tracy ursula valerie vera vernon veronica victor victoria vincent virginia vivian
vladimir walter warren wayne wendy wilfred william winston yvonne zachary zoe
"""
GIVEN_NAMES = frozenset(_LISTED.split())
