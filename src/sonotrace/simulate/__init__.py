"""Ultrasound pictures made by a program, with exact truth.

    from sonotrace.simulate import make_scene, render

    for frame in render(make_scene("needle", seed=7)):
        frame.grey, frame.truth.visible, frame.truth.facts

The names below are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# a module is called render as well, and would hide the function once it is loaded
from sonotrace.simulate.scene import render as render

if TYPE_CHECKING:
    from sonotrace.simulate.clip import SimulatedClip as SimulatedClip
    from sonotrace.simulate.clip import clip_of as clip_of
    from sonotrace.simulate.domains import DOMAINS as DOMAINS
    from sonotrace.simulate.domains import Domain as Domain
    from sonotrace.simulate.domains import find_domain as find_domain
    from sonotrace.simulate.echo.grid import make_grid as make_grid
    from sonotrace.simulate.lesion.scene import lesion_scene as lesion_scene
    from sonotrace.simulate.needle.scene import needle_scene as needle_scene
    from sonotrace.simulate.path import draw_path as draw_path
    from sonotrace.simulate.probe import Display as Display
    from sonotrace.simulate.probe import Probe as Probe
    from sonotrace.simulate.probe import Scanner as Scanner
    from sonotrace.simulate.probe import View as View
    from sonotrace.simulate.render import make_renderer as make_renderer
    from sonotrace.simulate.scene import Scene as Scene
    from sonotrace.simulate.scene import set_stage as set_stage
    from sonotrace.simulate.scenes import SCENES as SCENES
    from sonotrace.simulate.scenes import make_scene as make_scene
    from sonotrace.simulate.spine.scene import spine_scene as spine_scene
    from sonotrace.simulate.sweep import sweep_of as sweep_of
    from sonotrace.simulate.sweep import sweep_scene as sweep_scene
    from sonotrace.simulate.world import bake as bake
    from sonotrace.simulate.world import pose_of as pose_of

_HOMES = {
    "DOMAINS": "sonotrace.simulate.domains",
    "Display": "sonotrace.simulate.probe",
    "Domain": "sonotrace.simulate.domains",
    "Probe": "sonotrace.simulate.probe",
    "SCENES": "sonotrace.simulate.scenes",
    "Scanner": "sonotrace.simulate.probe",
    "Scene": "sonotrace.simulate.scene",
    "SimulatedClip": "sonotrace.simulate.clip",
    "View": "sonotrace.simulate.probe",
    "bake": "sonotrace.simulate.world",
    "clip_of": "sonotrace.simulate.clip",
    "draw_path": "sonotrace.simulate.path",
    "find_domain": "sonotrace.simulate.domains",
    "lesion_scene": "sonotrace.simulate.lesion.scene",
    "make_grid": "sonotrace.simulate.echo.grid",
    "make_renderer": "sonotrace.simulate.render",
    "make_scene": "sonotrace.simulate.scenes",
    "needle_scene": "sonotrace.simulate.needle.scene",
    "pose_of": "sonotrace.simulate.world",
    "set_stage": "sonotrace.simulate.scene",
    "spine_scene": "sonotrace.simulate.spine.scene",
    "sweep_of": "sonotrace.simulate.sweep",
    "sweep_scene": "sonotrace.simulate.sweep",
}

__all__ = sorted([*_HOMES, "render"])  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sonotrace.simulate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
