{#- An instant in UTC, whatever the session's time zone. `type` is the column's type in the warehouse,
    empty when it is not known; 'text' for a text such as 2030-01-31T12:00:00.000Z. -#}
{% macro as_time(value, type='') %}
  {{- return(adapter.dispatch('as_time', 'asana_airbyte')(value, type | lower)) -}}
{% endmacro %}

{% macro default__as_time(value, type) -%}
  {%- if 'without time zone' in type or type == 'timestamp' -%}
    cast({{ value }} as timestamp)
  {%- elif 'with time zone' in type or type == 'timestamptz' -%}
    cast({{ value }} at time zone 'UTC' as timestamp)
  {%- else -%}
    cast(cast({{ value }} as timestamp with time zone) at time zone 'UTC' as timestamp)
  {%- endif -%}
{%- endmacro %}

{% macro snowflake__as_time(value, type) -%}
  {%- if type.startswith('timestamp_ntz') -%}
    {{ value }}
  {%- else -%}
    cast(convert_timezone('UTC', cast({{ value }} as timestamp_tz)) as timestamp_ntz)
  {%- endif -%}
{%- endmacro %}

{% macro bigquery__as_time(value, type) -%}
  cast({{ value }} as timestamp)
{%- endmacro %}

{% macro databricks__as_time(value, type) -%}
  cast({{ value }} as timestamp)
{%- endmacro %}


{#- Whole seconds from one instant to another. -#}
{% macro seconds_between(first, last) -%}
  {{ return(adapter.dispatch('seconds_between', 'asana_airbyte')(first, last)) }}
{%- endmacro %}

{% macro default__seconds_between(first, last) -%}
  cast(floor(extract(epoch from ({{ last }} - {{ first }}))) as bigint)
{%- endmacro %}

{% macro duckdb__seconds_between(first, last) -%}
  cast(floor(epoch({{ last }}) - epoch({{ first }})) as bigint)
{%- endmacro %}

{% macro snowflake__seconds_between(first, last) -%}
  cast(floor(datediff(millisecond, {{ first }}, {{ last }}) / 1000) as number(38, 0))
{%- endmacro %}

{% macro bigquery__seconds_between(first, last) -%}
  timestamp_diff({{ last }}, {{ first }}, second)
{%- endmacro %}

{% macro redshift__seconds_between(first, last) -%}
  cast(floor(datediff(millisecond, {{ first }}, {{ last }}) / 1000.0) as bigint)
{%- endmacro %}

{% macro databricks__seconds_between(first, last) -%}
  cast(floor(cast({{ last }} as double) - cast({{ first }} as double)) as bigint)
{%- endmacro %}


{#- The instant of what has none. -#}
{% macro long_ago() -%}
  {{ asana_airbyte.as_time("'1970-01-01T00:00:00Z'", 'text') }}
{%- endmacro %}


{#- The end of what has none. -#}
{% macro far_ahead() -%}
  {{ asana_airbyte.as_time("'9999-12-31T00:00:00Z'", 'text') }}
{%- endmacro %}


{#- The day now, UTC; the variable asana_airbyte_today takes its place. -#}
{% macro today() -%}
  {%- if var('asana_airbyte_today') -%}
    cast('{{ var('asana_airbyte_today') }}' as date)
  {%- else -%}
    {{ return(adapter.dispatch('today', 'asana_airbyte')()) }}
  {%- endif -%}
{%- endmacro %}

{% macro default__today() %}cast(now() at time zone 'UTC' as date){% endmacro %}
{% macro snowflake__today() %}cast(convert_timezone('UTC', current_timestamp()) as date){% endmacro %}
{% macro bigquery__today() %}current_date('UTC'){% endmacro %}
{% macro redshift__today() %}cast(getdate() as date){% endmacro %}
{% macro databricks__today() %}cast(to_utc_timestamp(current_timestamp(), current_timezone()) as date){% endmacro %}


{#- Whole days from one date to another. -#}
{% macro days_between(first, last) -%}
  {{ return(adapter.dispatch('days_between', 'asana_airbyte')(first, last)) }}
{%- endmacro %}

{% macro default__days_between(first, last) -%}({{ last }} - {{ first }}){%- endmacro %}
{% macro snowflake__days_between(first, last) -%}datediff(day, {{ first }}, {{ last }}){%- endmacro %}
{% macro bigquery__days_between(first, last) -%}date_diff({{ last }}, {{ first }}, day){%- endmacro %}
{% macro redshift__days_between(first, last) -%}datediff(day, {{ first }}, {{ last }}){%- endmacro %}
{% macro databricks__days_between(first, last) -%}datediff({{ last }}, {{ first }}){%- endmacro %}


{#- The date a number of days after another. -#}
{% macro days_after(first, days) -%}
  {{ return(adapter.dispatch('days_after', 'asana_airbyte')(first, days)) }}
{%- endmacro %}

{% macro default__days_after(first, days) -%}({{ first }} + cast({{ days }} as integer)){%- endmacro %}
{% macro snowflake__days_after(first, days) -%}dateadd(day, {{ days }}, {{ first }}){%- endmacro %}
{% macro bigquery__days_after(first, days) -%}date_add({{ first }}, interval {{ days }} day){%- endmacro %}
{% macro redshift__days_after(first, days) -%}cast(dateadd(day, {{ days }}, {{ first }}) as date){%- endmacro %}
{% macro databricks__days_after(first, days) -%}date_add({{ first }}, {{ days }}){%- endmacro %}


{#- The Monday on or before a date. -#}
{% macro monday(date) -%}
  {{ return(adapter.dispatch('monday', 'asana_airbyte')(date)) }}
{%- endmacro %}

{% macro default__monday(date) -%}cast(date_trunc('week', {{ date }}) as date){%- endmacro %}
{% macro snowflake__monday(date) -%}dateadd(day, 1 - dayofweekiso({{ date }}), {{ date }}){%- endmacro %}
{% macro bigquery__monday(date) -%}date_trunc({{ date }}, isoweek){%- endmacro %}
