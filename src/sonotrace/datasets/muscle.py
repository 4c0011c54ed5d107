"""DL_Track: muscles of the leg, with aponeuroses in some pictures and fascicles in others.

What          B-mode of several scanners, 512 x 512 to 1234 x 688 pixels, with the borders of the
              scanner's screen.
Labels        1 aponeuroses (both, in folder apo) or 1 fascicle fragments (folder fasc, a few
              pixels thin); the attribute "target" says which. No pixel spacing, no subject ids.
Source        github.com/njcronin/DL_Track, Apache-2.0. Cronin, Finni, Seynnes, arXiv:2009.04790.
Known faults  Pictures of one recording are spread over the set. apo 00480 to 00490 look like
              successive frames; 00491 to 00499 and 00508 are another recording, out of order;
              00500 to 00507 were not seen, and are taken for frames of it.
              Look-alikes were searched among 84 of the 883 pictures and are grouped below;
              training looks for others that are like held-out pictures (`audit`).
"""

from pathlib import Path

from sonotrace.datasets.pictures import (
    Case,
    LabelledPictures,
    label_of,
    pictures_in,
    require_folder,
)

CLIP = tuple(f"apo/{number:05d}" for number in range(480, 491))
"""Successive frames of one recording, in order."""
ONE_SHOT = tuple(f"apo/{number:05d}" for number in (*range(491, 500), 508))
"""Frames of one other recording, out of order."""
BETWEEN = tuple(f"apo/{number:05d}" for number in range(500, 508))
"""Numbered between frames of that recording: taken for frames of it, and never scored."""

_LOOK_ALIKE = (
    CLIP,
    (*ONE_SHOT, *BETWEEN),
    ("apo/00053", "apo/00118"),
    ("apo/00079", "apo/00066", "apo/00222", "apo/00235", "fasc/00046", "fasc/00181"),
    ("apo/00105", "apo/00183"),
    ("apo/00144", "apo/00209", "fasc/00016"),
    ("apo/00300", "apo/00534"),
    ("apo/00313", "apo/00547"),
    ("apo/00339", "fasc/00286"),
    ("apo/00573", "fasc/00301"),
    ("fasc/00001", "fasc/00031"),
)
"""Recordings, and pictures whose blurred 64 x 64 thumbnails correlate above 0.93."""


def list_muscle(folder: Path) -> LabelledPictures:
    """List `folder`/apo_images and `folder`/fasc_images with their masks.

    Raises:
        ReadError: A folder is not there, or a picture has no mask.
    """
    remedy = "Give the folder that holds apo_images, apo_masks, fasc_images and fasc_masks."
    group = {name: f"muscle/{names[0]}" for names in _LOOK_ALIKE for name in names}
    cases = []
    for part, target in (("apo", "aponeurosis"), ("fasc", "fascicle")):
        images = require_folder(folder, f"{part}_images", remedy)
        masks = require_folder(folder, f"{part}_masks", remedy)
        for image in pictures_in(images):
            name = f"{part}/{image.stem.removeprefix('img_')}"
            cases.append(
                Case(
                    id=f"muscle/{name}",
                    group=group.get(name, f"muscle/{name}"),
                    image=image,
                    labels=(label_of(image, masks),),
                    attributes={"target": target},
                )
            )
    return LabelledPictures(cases)
