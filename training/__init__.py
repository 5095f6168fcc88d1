"""Makes what ``classifier`` runs: base encoder, fine-tuning, export, evaluation, registry, checks. Needs torch."""
