//! A function's operations, listed once: as routes, and as its part of the OpenAPI document.

pub use utoipa_axum::{PathItemExt, paste};

/// Declares two functions of the crate that calls it, from a list of `module::handler`, each with `#[utoipa::path]`:
/// `operations() -> axum::Router<App>`, and `pub document() -> OpenApi`.
///
/// They are apart, so that a function's binary, which serves routes only, neither holds nor builds the document.
#[macro_export]
macro_rules! operations {
    ($($module:ident::$handler:ident),+ $(,)?) => {
        /// The function's part of the OpenAPI document.
        #[must_use]
        pub fn document() -> utoipa::openapi::OpenApi {
            #[derive(utoipa::OpenApi)]
            #[openapi(paths($($module::$handler),+))]
            struct Document;
            <Document as utoipa::OpenApi>::openapi()
        }

        fn operations() -> axum::Router<App> {
            use $crate::operations::PathItemExt as _;
            let mut router = axum::Router::new();
            $crate::operations::paste! {
                $(
                    for method in <$module::[<__path_ $handler>] as utoipa::Path>::methods() {
                        let path = <$module::[<__path_ $handler>] as utoipa::Path>::path();
                        router = router.route(&path, axum::routing::on(method.to_method_filter(), $module::$handler));
                    }
                )+
            }
            router
        }
    };
}
