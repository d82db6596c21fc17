"""Where pairs come from: folders of meshes and clouds, and the archives of public data sets as people download them."""
