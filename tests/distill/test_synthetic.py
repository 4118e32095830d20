"""Made windows: what is shifted, and who labels them."""

import pytest
import torch
from made_bank import made_bank, made_encoder, task

from dlnet.config import StudentParams
from dlnet.distill.data import make_fold, training_windows
from dlnet.distill.loop import Job, Plan, train
from dlnet.distill.students import shape
from dlnet.distill.synthetic import shifted, taught_on
from dlnet.models.network import initial, predict
from dlnet.models.student import Student


@pytest.fixture(scope="module")
def lesson():
    bank, encoder = made_encoder()
    config = shape(encoder, "liquid", 6, "fused", 1)
    fold = make_fold(bank, encoder, training_windows(made_bank(), task()))
    return fold, Student("t", encoder, config, initial(config, [0, 1]))


def test_features_alone_are_shifted_each_by_a_constant_a_window(lesson):
    fold = lesson[0]
    z = shifted(fold, 200, 0.3, seed=0)
    moved = (z.reshape(200, *fold.z.shape) - fold.z).numpy()
    others = [i for i in range(fold.z.shape[2]) if not fold.features.start <= i < fold.features.stop]
    assert not moved[..., others].any()
    features = moved[..., fold.features]
    assert abs(features - features[:, :, :1]).max() < 1e-5
    assert features[:, :, 0].std() == pytest.approx(0.3, rel=0.02)
    assert features[:, :, 0].mean() == pytest.approx(0, abs=0.01)


def test_the_teacher_alone_labels_them_and_sees_the_same_window(lesson):
    fold, teacher = lesson
    z = shifted(fold, 2, 0.5, seed=1)
    taught = taught_on(fold, teacher, z)
    assert len(taught.z) == 3 * len(fold.z)
    assert taught.labelled == fold.labelled
    assert torch.isnan(taught.change[len(fold.z) :]).all()
    torch.testing.assert_close(taught.change[: fold.labelled], fold.change[: fold.labelled])
    members = [predict({k: v[i : i + 1] for k, v in teacher.parameters.items()}, z, teacher.config)[0] for i in (0, 1)]
    torch.testing.assert_close(taught.teacher[len(fold.z) :], (members[0] + members[1]) / 2)


def test_students_train_on_them(lesson):
    fold, teacher = lesson
    taught = taught_on(fold, teacher, shifted(fold, 1, 0.3, seed=0))
    config = shape(teacher.encoder, "liquid", 4, "euler", 1)
    jobs, plan = [Job("a", 0, "l1", 0.2), Job("b", 0)], Plan(steps=20, batch=32, check=10)
    with_teacher, alone = train(config, jobs, [taught], plan)
    assert with_teacher.mae_validation > 0
    assert not torch.equal(with_teacher.parameters["wx"], alone.parameters["wx"])


def test_knowledge_of_hidden_states_is_refused_with_made_windows():
    training = {"steps": 4, "batch": 8, "learning_rate": 4e-3, "weight_decay": 0.0, "check": 2, "patience": 9}
    content = {"hidden": {"liquid": [4]}, "losses": ["labels", "hint"], "seeds": [0], "substeps": 1, "alpha": 0.5}
    content |= {"hint_width": 4, "branches": 1, "training": training, "shifted": {"copies": 1, "spread": 0.1}}
    with pytest.raises(ValueError, match=r"with shifted.copies, losses may be labels, l1, mse, cosine alone"):
        StudentParams(**content)
