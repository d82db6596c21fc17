"""Scripts that turn raw 3D sources and the embedded furniture generator into prepared datasets of cloud-view pairs."""
