use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use http::HeaderValue;
use tonic::Code;

use crate::{Error, reason};

type Fresh = Pin<Box<dyn Future<Output = Result<String, Box<dyn StdError + Send + Sync>>> + Send>>;

const SHAPE: &str = "should be visible ASCII, without spaces or line breaks";

/// Says who calls. `Options::token` takes a fixed one as `Some("...".into())`.
#[derive(Clone)]
pub struct Token(Source);

#[derive(Clone)]
enum Source {
    Fixed(String),
    Fresh(Arc<dyn Fn() -> Fresh + Send + Sync>),
}

impl Token {
    /// A function that gives a token each time it is called, for one stream or call. If the bridge refuses the token, the
    /// function is called once more.
    pub fn fresh<F, E>(function: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Source::Fresh(Arc::new(move || {
            let given = function();
            Box::pin(async move { given.await.map_err(Into::into) })
        })))
    }

    /// A token that is read from a file for each stream and call. White space around it does not count.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::fresh(move || {
            // A short read: it keeps no one waiting.
            let read = std::fs::read_to_string(&path).map(|text| text.trim().to_owned());
            let result = read.map_err(|error| format!("can't read {}: {error}", path.display()));
            async move { result }
        })
    }

    /// A token file of a program. It fails if no token can be read there now.
    pub(crate) fn checked_file(path: PathBuf) -> Result<Self, Error> {
        let wrong =
            |what: String| Error::new(Code::InvalidArgument, "", format!("the token file {} {what}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("can't be read: {error}")))?;
        if header(text.trim()).is_none() {
            return Err(wrong(format!("holds what can't be a token: it {SHAPE}")));
        }
        Ok(Self::file(path))
    }

    /// True if another try may have another token.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.0, Source::Fresh(_))
    }

    /// Fails for a fixed one that can't be a token, without its text.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Source::Fixed(text) if header(text).is_none() => {
                Err(Error::new(Code::InvalidArgument, "", format!("Options::token {SHAPE}")))
            }
            _ => Ok(()),
        }
    }

    /// What goes with a stream or call. The error may be retried: nothing was sent.
    pub(crate) async fn header(&self) -> Result<HeaderValue, Error> {
        let none = |text: String| Error::new(Code::Unavailable, reason::NOT_SENT, text);
        let text = match &self.0 {
            Source::Fixed(text) => text.clone(),
            Source::Fresh(function) => function().await.map_err(|error| none(format!("there is no token: {error}")))?,
        };
        let wrong = || none(format!("the function that gives tokens gave what can't be one: a token {SHAPE}"));
        header(&text).ok_or_else(wrong)
    }
}

fn header(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(Source::Fixed(text.to_owned()))
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(Source::Fixed(text))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_for_each_use() {
        let file = std::env::temp_dir().join(format!("mesosbridge-token-{}", std::process::id()));
        assert!(Token::checked_file(file.clone()).unwrap_err().message().contains(&file.display().to_string()));
        std::fs::write(&file, "two words").unwrap();
        let error = Token::checked_file(file.clone()).unwrap_err();
        assert!(!error.message().contains("two words"), "{error}");
        std::fs::write(&file, "first\n").unwrap();
        let token = Token::checked_file(file.clone()).unwrap();
        assert_eq!(token.header().await.unwrap(), "Bearer first");
        std::fs::write(&file, "second\n").unwrap();
        assert_eq!(token.header().await.unwrap(), "Bearer second");
        std::fs::remove_file(&file).unwrap();
        let error = token.header().await.unwrap_err();
        assert!(error.is_retryable() && !error.is_outcome_unknown(), "{error}");
    }

    #[tokio::test]
    async fn shows_no_secret() {
        let token = Token::from("a-secret");
        assert!(!format!("{token:?} {:?}", token.header().await.unwrap()).contains("secret"));
    }
}
