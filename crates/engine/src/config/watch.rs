//! Notices changes of the file while the engine runs. A bad one is told and changes nothing: the last good
//! configuration stays in force.

use sqlite_replicate_api::{ErrorCode, Report};

use super::changes::{Changes, diff};
use super::environment::Surroundings;
use super::read::{Loaded, parse, read_text};

/// What a look at the file showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Nothing new.
    Nothing,
    /// A good configuration, in force from now on. The changes may be none: a comment, or the way back from a bad edit.
    Good(Box<Changes>),
    /// A bad edit; the last good configuration stays in force.
    Bad(Vec<Report>),
}

/// The configuration in force, and the file that it came from.
///
/// The content is compared, not the time: two changes within one tick of the clock are two, a touched file is none.
#[derive(Debug)]
pub struct Watch {
    around: Surroundings,
    good: Loaded,
    problems: Vec<Report>,
    /// What the file held when it was last judged.
    judged: Content,
    /// What it held at the last look, if that was something else.
    pending: Option<Content>,
}

/// What a look finds: a text, no file, or a file that can't be read and why.
type Content = Result<Option<String>, Report>;

impl Watch {
    /// Begins with a good configuration.
    pub fn new(around: Surroundings, good: Loaded) -> Self {
        let judged = Ok(good.text.clone());
        Self { around, good, problems: Vec::new(), judged, pending: None }
    }

    /// The configuration in force.
    pub fn good(&self) -> &Loaded {
        &self.good
    }

    /// What is wrong with the file as it is now; empty if the configuration in force is the file's.
    pub fn problems(&self) -> &[Report] {
        &self.problems
    }

    /// Puts a configuration in force that was just saved.
    pub fn accept(&mut self, loaded: Loaded) -> Changes {
        let changes = diff(&self.good.config, &loaded.config);
        self.judged = Ok(loaded.text.clone());
        self.pending = None;
        self.problems.clear();
        self.good = loaded;
        changes
    }

    /// Looks at the file; to be called about once a second.
    ///
    /// What is new is judged when two looks in a row find the same: editors write in several steps, and half a file, or
    /// none for a moment, is not what somebody wants.
    pub fn poll(&mut self) -> Observed {
        let content = read_text(&self.around);
        if content == self.judged {
            self.pending = None;
            return Observed::Nothing;
        }
        if self.pending.as_ref() != Some(&content) {
            self.pending = Some(content);
            return Observed::Nothing;
        }
        self.pending = None;
        self.judged = content.clone();
        match self.judge(content) {
            Ok(loaded) => Observed::Good(Box::new(self.accept(loaded))),
            Err(problems) => {
                self.problems.clone_from(&problems);
                Observed::Bad(problems)
            }
        }
    }

    fn judge(&self, content: Content) -> Result<Loaded, Vec<Report>> {
        match content {
            Ok(Some(text)) => parse(&text, &self.around),
            // It was there: its absence is a slip, and taking it for "protect nothing" would be a silent loss.
            Ok(None) => {
                let message = format!("`{}` is gone", self.around.file().display());
                let report = Report::new(ErrorCode::ConfigUnreadable, message);
                Err(vec![report.hint("the last settings stay in force; write the file again")])
            }
            Err(report) => Err(vec![report]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sqlite_replicate_api::config::{HostName, Span};

    use super::super::load;
    use super::*;

    struct Scene {
        _folder: tempfile::TempDir,
        watch: Watch,
    }

    impl Scene {
        fn new(text: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("config.toml");
            if let Some(text) = text {
                fs::write(&file, text).unwrap();
            }
            let around = Surroundings::new(&file, HostName::nearest("HOST-A"), []).unwrap();
            let good = load(&around).unwrap();
            Self { _folder: folder, watch: Watch::new(around, good) }
        }

        fn write(&self, text: &str) {
            fs::write(self.watch.around.file(), text).unwrap();
        }

        fn settled(&mut self) -> Observed {
            assert_eq!(self.watch.poll(), Observed::Nothing, "one look is not enough");
            self.watch.poll()
        }

        fn every(&self) -> Span {
            self.watch.good().config.verify.every
        }
    }

    #[test]
    fn a_good_edit_takes_force_and_says_what_to_do() {
        let mut scene = Scene::new(Some("[verify]\nevery = \"2h\"\n"));
        assert_eq!(scene.watch.poll(), Observed::Nothing);
        scene.write("[verify]\nevery = \"3h\"\n");
        let live = vec!["verify.every".to_owned()];
        assert_eq!(scene.settled(), Observed::Good(Box::new(Changes { live, ..Changes::default() })));
        assert_eq!(scene.every(), Span::hours(3));
        assert_eq!(scene.watch.poll(), Observed::Nothing);
    }

    #[test]
    fn a_bad_edit_is_told_once_and_changes_nothing_until_it_is_mended() {
        let good = "[verify]\nevery = \"2h\"\n";
        let mut scene = Scene::new(Some(good));
        scene.write("[verify]\nevery = \"2 hours\"\n");
        assert!(matches!(scene.settled(), Observed::Bad(problems) if problems.len() == 1));
        assert_eq!((scene.every(), scene.watch.problems().len()), (Span::hours(2), 1));
        assert_eq!(scene.watch.poll(), Observed::Nothing, "told once");
        scene.write(good);
        assert_eq!(scene.settled(), Observed::Good(Box::default()));
        assert!(scene.watch.problems().is_empty());
    }

    #[test]
    fn a_file_that_goes_does_not_end_protection() {
        let mut scene = Scene::new(Some("[verify]\nevery = \"2h\"\n"));
        fs::remove_file(scene.watch.around.file()).unwrap();
        assert!(matches!(scene.settled(), Observed::Bad(_)));
        assert_eq!(scene.every(), Span::hours(2));
        scene.write("[verify]\nevery = \"4h\"\n");
        assert!(matches!(scene.settled(), Observed::Good(_)));
        assert_eq!(scene.every(), Span::hours(4));
    }

    #[test]
    fn a_file_may_come_later() {
        let mut scene = Scene::new(None);
        assert_eq!(scene.watch.poll(), Observed::Nothing);
        scene.write("[verify]\nevery = \"4h\"\n");
        assert!(matches!(scene.settled(), Observed::Good(_)));
    }

    #[test]
    fn a_file_in_the_middle_of_being_written_is_left_alone() {
        let good = "[verify]\nevery = \"2h\"\n";
        let mut scene = Scene::new(Some(good));
        for half in ["", "[ver", "[verify]\nevery"] {
            scene.write(half);
            assert_eq!(scene.watch.poll(), Observed::Nothing, "{half}");
        }
        scene.write(good);
        assert_eq!(scene.watch.poll(), Observed::Nothing);
        assert_eq!(scene.watch.poll(), Observed::Nothing);
        assert!(scene.watch.problems().is_empty());
    }

    #[test]
    fn an_own_change_is_no_news() {
        let mut scene = Scene::new(Some(""));
        scene.write("[verify]\nevery = \"4h\"\n");
        let saved = load(&scene.watch.around).unwrap();
        assert_eq!(scene.watch.accept(saved).live, ["verify.every"]);
        assert_eq!(scene.settled(), Observed::Nothing);
    }
}
