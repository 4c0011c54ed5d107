"""The words of shape: one letter per axis, the same letter everywhere.

B  batch                 T  time: frames of a clip or sweep
O  objects               C  channels of a picture or feature map
H  rows: depth, axial    W  columns: lateral
K  key channels          V  value channels
N  items in a list       P  points
M  memory positions      Q  query positions
h w  rows and columns of a feature map, coarser than H and W

Shapes are written slowest axis first. A picture is (C, H, W), a clip (T, C, H, W),
a batch of clips (B, T, C, H, W). Lengths are millimetres, times seconds, angles radians.
Pixels are (row, column), zero-based; a pixel's coordinate is that of its centre.
"""

from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

Frame = UInt8[Tensor, "C H W"]
"""One decoded picture: 1 channel of grey levels or 3 of red, green, blue; 0 to 255."""
LabelMap = UInt8[Tensor, "H W"]
"""One object id per pixel: 0 background, 1 to 254 objects, 255 void."""
Mask = Bool[Tensor, "H W"]
Probability = Float[Tensor, "O H W"]
"""One map per object, background left out; values in [0, 1]."""
Pose = Float64[Tensor, "4 4"]
Poses = Float64[Tensor, "T 4 4"]
Times = Float64[Tensor, " T"]

VOID = 255
"""The label of pixels that nobody vouches for; not an object."""
