"""What the agent and its probe child say to each other; small, since both import it."""

ASK_FACTS = b"F"
ASK_READINGS = b"R"
LENGTH_BYTES = 4
