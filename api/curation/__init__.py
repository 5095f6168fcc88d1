"""The trainers' desk: what is worth a label, what people said of it, and how it leaves for nlu_data."""
