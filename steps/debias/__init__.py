"""The steps of the debiasing paper: questions, agents that are trained, conversations, and what came of them."""
