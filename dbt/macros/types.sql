{#- The type that a kind of column has in this warehouse: text, boolean, integer, number, date, time, json. -#}
{% macro type_of(kind) %}{{ return(adapter.dispatch('type_of', 'asana_airbyte')(kind)) }}{% endmacro %}

{% macro default__type_of(kind) %}
  {% do return({
    'text': 'text', 'boolean': 'boolean', 'integer': 'bigint', 'number': 'double precision',
    'date': 'date', 'time': 'timestamp', 'json': 'jsonb'}[kind]) %}
{% endmacro %}

{% macro duckdb__type_of(kind) %}
  {% do return({
    'text': 'varchar', 'boolean': 'boolean', 'integer': 'bigint', 'number': 'double',
    'date': 'date', 'time': 'timestamp', 'json': 'json'}[kind]) %}
{% endmacro %}

{% macro snowflake__type_of(kind) %}
  {% do return({
    'text': 'varchar', 'boolean': 'boolean', 'integer': 'number(38, 0)', 'number': 'double',
    'date': 'date', 'time': 'timestamp_ntz', 'json': 'variant'}[kind]) %}
{% endmacro %}

{% macro bigquery__type_of(kind) %}
  {% do return({
    'text': 'string', 'boolean': 'bool', 'integer': 'int64', 'number': 'float64',
    'date': 'date', 'time': 'timestamp', 'json': 'json'}[kind]) %}
{% endmacro %}

{% macro redshift__type_of(kind) %}
  {% do return({
    'text': 'varchar(65535)', 'boolean': 'boolean', 'integer': 'bigint', 'number': 'double precision',
    'date': 'date', 'time': 'timestamp', 'json': 'super'}[kind]) %}
{% endmacro %}

{% macro databricks__type_of(kind) %}
  {% do return({
    'text': 'string', 'boolean': 'boolean', 'integer': 'bigint', 'number': 'double',
    'date': 'date', 'time': 'timestamp', 'json': 'string'}[kind]) %}
{% endmacro %}


{#- A value cast to a kind. -#}
{% macro as_kind(value, kind) -%}
  cast({{ value }} as {{ asana_airbyte.type_of(kind) }})
{%- endmacro %}
