//! Paged lists: `?page=2&per_page=20`, answered with totals and links.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::{Problem, body::parse_query};

/// The last row that a page may reach; results beyond it need a narrower search.
const FURTHEST_ROW: u32 = 100_000;

/// The query parameters of a paged list, for OpenAPI; [`ListQuery`] reads them.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The page, from 1; 1 by default.
    page: Option<u32>,
    /// Rows per page, 1 to 100; 20 by default.
    per_page: Option<u32>,
}

/// The query of a paged list: `page`, `per_page` and the parameters of `F`, which refuses unknown fields.
#[derive(Debug)]
pub struct ListQuery<F = NoFilter> {
    /// The requested page.
    pub page: Page,
    /// The other parameters.
    pub filter: F,
}

/// A list without parameters besides the page.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl<F: DeserializeOwned + 'static> FromRequest for ListQuery<F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(list_query(request.query_string()))
    }
}

fn list_query<F: DeserializeOwned>(query: &str) -> Result<ListQuery<F>, Problem> {
    let mut page = url::form_urlencoded::Serializer::new(String::new());
    let mut filter = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let part = match &*name {
            "page" | "per_page" => &mut page,
            _ => &mut filter,
        };
        part.append_pair(&name, &value);
    }
    let PageParams { page, per_page } = parse_query(&page.finish())?;
    Ok(ListQuery {
        page: Page::new(page, per_page)?,
        filter: parse_query(&filter.finish())?,
    })
}

/// One page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The page, from 1.
    pub page: u32,
    /// Rows per page, 1 to 100.
    pub per_page: u32,
}

impl Page {
    /// From optional query parameters; the first page of 20 by default.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn new(page: Option<u32>, per_page: Option<u32>) -> Result<Self, Problem> {
        let (page, per_page) = (page.unwrap_or(1), per_page.unwrap_or(20));
        if page == 0 {
            return Err(Problem::invalid("page", "should be 1 or more"));
        }
        if !(1..=100).contains(&per_page) {
            return Err(Problem::invalid("per_page", "should be 1 to 100"));
        }
        if page.saturating_mul(per_page) > FURTHEST_ROW {
            let reason = format!(
                "only the first {FURTHEST_ROW} rows can be paged through, narrow the search"
            );
            return Err(Problem::invalid("page", reason));
        }
        Ok(Self { page, per_page })
    }

    /// Number of rows on the page.
    #[must_use]
    pub fn limit(&self) -> u64 {
        u64::from(self.per_page)
    }

    /// Number of rows before the page.
    #[must_use]
    pub fn offset(&self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.per_page)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// The rows.
    pub data: Vec<T>,
    /// The position of the page in the list.
    pub meta: Meta,
    /// Links to the neighbouring pages.
    pub links: Links,
}

/// The position of a page in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The page, from 1.
    pub page: u32,
    /// Rows a page.
    pub per_page: u32,
    /// Rows in the whole list.
    pub total: u64,
}

/// Paths of the neighbouring pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Links {
    /// This page.
    #[serde(rename = "self")]
    pub this: String,
    /// The next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The previous page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
}

impl<T> Listing<T> {
    /// One page of a list of `total` rows, requested by `request`.
    pub fn new(request: &HttpRequest, page: Page, data: Vec<T>, total: u64) -> Self {
        let link = |number: u32| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
                if name != "page" && name != "per_page" {
                    query.append_pair(&name, &value);
                }
            }
            query.append_pair("page", &number.to_string());
            query.append_pair("per_page", &page.per_page.to_string());
            format!("{}?{}", request.path(), query.finish())
        };
        let more = page.offset() + page.limit() < total;
        Self {
            data,
            meta: Meta {
                page: page.page,
                per_page: page.per_page,
                total,
            },
            links: Links {
                this: link(page.page),
                next: more.then(|| link(page.page + 1)),
                prev: (page.page > 1).then(|| link(page.page - 1)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn links_keep_the_rest_of_the_query() {
        let request =
            TestRequest::with_uri("/api/x?search=a%20b&page=2&per_page=10").to_http_request();
        let page = Page::new(Some(2), Some(10)).unwrap();
        let listing = Listing::new(&request, page, vec![1], 21);
        assert_eq!(
            listing.links.next.as_deref(),
            Some("/api/x?search=a+b&page=3&per_page=10")
        );
        assert_eq!(
            listing.links.prev.as_deref(),
            Some("/api/x?search=a+b&page=1&per_page=10")
        );
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Search {
        search: Option<String>,
    }

    #[test]
    fn a_list_query_is_the_page_and_the_filter() {
        let query: ListQuery<Search> = list_query("search=a%26b&page=2&per_page=5").unwrap();
        assert_eq!((query.page.page, query.page.per_page), (2, 5));
        assert_eq!(query.filter.search.as_deref(), Some("a&b"));
        assert!(list_query::<NoFilter>("").is_ok());
    }

    #[test]
    fn a_wrong_list_query_names_the_field() {
        for (query, field) in [
            ("page=x", "page"),
            ("per_page=101", "per_page"),
            ("sort=name", "sort"),
            ("page=1&page=2", "page"),
        ] {
            let refused = list_query::<NoFilter>(query).unwrap_err();
            assert_eq!(refused.errors[0].field, field, "{query}");
        }
    }

    #[test]
    fn pages_have_bounds() {
        assert!(Page::new(Some(0), None).is_err());
        assert!(Page::new(None, Some(101)).is_err());
        assert!(Page::new(Some(u32::MAX), Some(100)).is_err());
        assert_eq!(Page::new(None, None).unwrap().offset(), 0);
    }
}
