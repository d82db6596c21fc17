"""Loading, uploading and exporting models, and their cards."""
