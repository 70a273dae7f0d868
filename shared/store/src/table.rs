//! The table as it must be, for the local cloud and for tests; on AWS the template makes the same one.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, operation::create_table::CreateTableError};

use crate::error::StoreError;

/// The indexes: owner, due, reference. Each holds whole rows.
const INDEXES: [&str; 3] = ["gsi1", "gsi2", "gsi3"];

/// Makes the table if it is not there.
///
/// # Errors
/// [`StoreError`].
pub async fn create_table(client: &Client, table: &str) -> Result<(), StoreError> {
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema("pk", "sk")?));
    for name in ["pk", "sk"] {
        request = request.attribute_definitions(attribute(name)?);
    }
    for index in INDEXES {
        let (pk, sk) = (format!("{index}pk"), format!("{index}sk"));
        request = request
            .attribute_definitions(attribute(&pk)?)
            .attribute_definitions(attribute(&sk)?)
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index)
                    .set_key_schema(Some(schema(&pk, &sk)?))
                    .projection(Projection::builder().projection_type(ProjectionType::All).build())
                    .build()
                    .map_err(|_| StoreError::Incomplete("index"))?,
            );
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn attribute(name: &str) -> Result<AttributeDefinition, StoreError> {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .map_err(|_| StoreError::Incomplete("attribute"))
}

fn schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    [(pk, KeyType::Hash), (sk, KeyType::Range)]
        .into_iter()
        .map(|(name, key_type)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(key_type)
                .build()
                .map_err(|_| StoreError::Incomplete("key schema"))
        })
        .collect()
}
