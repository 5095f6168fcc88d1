"""The residents' conversation: sessions, transcript, turns with Rasa, drafts of appeals."""
