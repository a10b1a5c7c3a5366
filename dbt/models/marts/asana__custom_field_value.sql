{#- A view: the rows are in int_asana__custom_field_value, which is incremental. -#}
{{ config(materialized='view') }}
select
  resource_id || '-' || custom_field_id as custom_field_value_id,
  resource_type,
  resource_id,
  custom_field_id,
  custom_field_name,
  custom_field_type,
  display_value,
  text_value,
  number_value,
  enum_option_id,
  enum_option_name,
  date_value,
  date_time_value,
  synced_at
from {{ ref('int_asana__custom_field_value') }}
