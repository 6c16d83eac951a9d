"""Given names for authors on rendered pages; none is a word of the English list, so that no part of it holds one."""

from __future__ import annotations

GIVEN_NAMES: tuple[str, ...] = (
    *("Ada", "Agnes", "Alma", "Amira", "Anton", "Astrid", "Beatrix", "Bruno", "Carmen", "Cecilia", "Clara", "Conrad"),
    *("Daphne", "Dimitri", "Edith", "Elias", "Emil", "Esther", "Felix", "Fiona", "Flora", "Gideon", "Greta", "Hanna"),
    *("Hassan", "Hector", "Helga", "Hugo", "Ines", "Ingrid", "Irina", "Ivan", "Jonas", "Judith", "Julia", "Karim"),
    *("Katja", "Lena", "Leila", "Leo", "Linda", "Louisa", "Lydia", "Magda", "Marta", "Matilda", "Milan", "Mira"),
    *("Nadia", "Nina", "Olga", "Oscar", "Otto", "Paula", "Petra", "Ramon", "Rita", "Rosa", "Rufus", "Sonja"),
    *("Stella", "Tamara", "Thea", "Ursula", "Vera", "Viktor", "Wanda", "Xenia", "Yusuf", "Zelda"),
)
