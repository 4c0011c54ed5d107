"""usgra-seg: nerves and vessels for regional anaesthesia.

What          B-mode of volunteers: supraclavicular, interscalene, infraclavicular, axillary,
              elbow, femoral, popliteal. Mindray TE7, linear L14-6Ns, 2025; PNG of about
              534 x 512 pixels with a faint tint.
Labels        1 nerve, 2 vessel, drawn by one examiner (read off the pictures: the source does
              not name the values). No pixel spacing, no volunteer ids.
Source        github.com/tmkand/usgra-seg, CC BY 4.0; name usgra-seg, examiner "TMK".
Known faults  Without volunteer ids the authors' training and test folders share views: four
              training pictures correlate above 0.93 with a test picture. Pairs were searched
              among 110 of the 244 pictures and are grouped below; training looks for others
              that are like held-out pictures (`audit`).
"""

from pathlib import Path

from sonotrace.datasets.pictures import (
    Case,
    LabelledPictures,
    label_of,
    pictures_in,
    require_folder,
)

NERVE = 1
VESSEL = 2

_LOOK_ALIKE = (
    ("train/0011", "test/0068"),
    ("train/0079", "test/0114"),
    ("train/0091", "test/0017"),
    ("train/0236", "test/0235"),
    ("train/0003", "train/0050"),
    ("train/0018", "train/0099"),
)
"""Pictures whose blurred 64 x 64 thumbnails correlate above 0.93."""


def list_nerve(folder: Path) -> LabelledPictures:
    """List `folder`/train and `folder`/test, each with images and masks.

    Raises:
        ReadError: A folder is not there, or a picture has no label picture.
    """
    remedy = "Give the folder of usgra-seg that holds train and test, each with images and masks."
    group = {name: f"nerve/{names[0]}" for names in _LOOK_ALIKE for name in names}
    cases = []
    for part in ("train", "test"):
        images = require_folder(folder, f"{part}/images", remedy)
        masks = require_folder(folder, f"{part}/masks", remedy)
        for image in pictures_in(images):
            name = f"{part}/{image.stem}"
            cases.append(
                Case(
                    id=f"nerve/{name}",
                    group=group.get(name, f"nerve/{name}"),
                    image=image,
                    labels=(label_of(image, masks),),
                    attributes={"folder": part},
                )
            )
    return LabelledPictures(cases)
